# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between a table and the policy, and their collection without repetition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import EMPTY, Region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup

from .walk import Bounds

DifferenceKind = Literal["allows too much", "rejects too much", "unknown"]
TOO_MUCH: DifferenceKind = "allows too much"
TOO_LITTLE: DifferenceKind = "rejects too much"
UNKNOWN: DifferenceKind = "unknown"
Labels = Sequence[tuple[str | None, Cgroup, str]]
"""(user of a reach, where the socket is, both in words) of each class of owners."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which a table differs from the policy.

    users: in words; for forwarded packets, from where to where. region: the flows that it is about.
    reasons: what could not be modelled. source_port: where it holds only for packets from some ports, one of them.
    """

    kind: DifferenceKind
    table: str
    users: tuple[str, ...] = ()
    region: Region
    reasons: tuple[str, ...] = ()
    source_port: int | None = None


@dataclass
class DifferenceCollector:
    """The differences of one table.

    What holds on the ordinary way is not repeated for another, nor what holds from source ports that nothing names.
    """

    table: str
    differences: list[Difference] = field(default_factory=list)
    _reported: dict[tuple[DifferenceKind, str], Region] = field(default_factory=dict)

    def compare(
        self, labels: Labels, port: int, live: Bounds, desired: Bounds, reasons: Sequence[str], *, way: str = ""
    ) -> None:
        """Add how `live` differs from `desired`: all of desired.must has to pass, nothing beyond desired.may.

        labels: whose packets are told apart. port: an example of a class of source ports, 0 first. way: how packets get
        there, the ordinary way "" first.
        """
        if live == desired:
            return
        unsure = (live.may - live.must - desired.may) | (desired.must & live.may) - live.must
        differing = {TOO_MUCH: live.must - desired.may, TOO_LITTLE: desired.must - live.may, UNKNOWN: unsure}
        for kind, reach in differing.items():
            for user, cgroup, label in labels if reach else ():
                known = self._reported.setdefault((kind, label), EMPTY)
                if new := reach.at(user, cgroup) - known:
                    self._reported[kind, label] = known | new
                    self.differences.append(
                        Difference(
                            kind=kind,
                            table=self.table,
                            users=(f"{label} {way}".rstrip(),),
                            region=new,
                            reasons=tuple(reasons) if kind == UNKNOWN else (),
                            source_port=port or None,
                        )
                    )


def merge_users(differences: Sequence[Difference]) -> list[Difference]:
    """Return equal differences of several users as one."""
    users_of: dict[Difference, list[str]] = {}
    for difference in differences:
        users = users_of.setdefault(replace(difference, users=()), [])
        users += [user for user in difference.users if user not in users]
    return [replace(difference, users=tuple(users)) for difference, users in users_of.items()]
