# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read on a host, and what was found about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import LEASE_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import EMPTY, Region

from .listing import Table
from .walk import Bounds

OWN = ("inet", "tidegate")
TOO_MUCH, TOO_LITTLE, UNKNOWN = "lets through", "refuses", "unknown"


@dataclass(frozen=True)
class Kernel:
    """What was read on a host. users: uid by name, for those names of the policy that there are. now: its clock.

    unread: (what, why) of all that could not be read, tables and others.
    """

    tables: Sequence[Table]
    users: Mapping[str, int]
    now: float
    unread: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """One way in which a table is not what the policy says, for these users. what: TOO_MUCH, TOO_LITTLE or UNKNOWN.

    users: in words; of forwarded packets, from where to where. why: what could not be modelled.
    source_port: where it is only so for packets from one, such as a lease's.
    """

    what: str
    table: str
    users: tuple[str, ...]
    region: Region
    why: tuple[str, ...] = ()
    source_port: int | None = None


@dataclass
class Differences:
    """What is found about one table, without saying again of a single port what is so from everywhere."""

    table: str
    found: list[Finding] = field(default_factory=list)
    _said: dict[tuple[str, str], Region] = field(default_factory=dict)

    def compare(self, label: str, port: int, bounds: Bounds, wanted: Bounds, why: Sequence[str]) -> None:
        """Hold what passes against what should: all that is surely wanted, and nothing but what may be."""
        doubt = (bounds.most - bounds.sure - wanted.most) | (wanted.sure & bounds.most) - bounds.sure
        differing = {TOO_MUCH: bounds.sure - wanted.most, TOO_LITTLE: wanted.sure - bounds.most, UNKNOWN: doubt}
        for what, region in differing.items():
            known = self._said.setdefault((what, label), EMPTY)
            if news := region - known:
                self._said[what, label] = known | news
                where = port if port in LEASE_PORTS else None
                told = tuple(why) if what == UNKNOWN else ()
                self.found.append(Finding(what, self.table, (label,), news, told, where))


def joined(found: Sequence[Finding]) -> list[Finding]:
    """The same thing of several users, once."""
    by: dict[Finding, list[str]] = {}
    for one in found:
        users = by.setdefault(replace(one, users=()), [])
        users += [user for user in one.users if user not in users]
    return [replace(one, users=tuple(users)) for one, users in by.items()]
