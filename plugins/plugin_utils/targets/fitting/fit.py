# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fit of one policy to one target: what is known, and what was found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    NARROWER,
    WIDER,
    Capabilities,
    TargetDifference,
)

from .approximate import VARIABLE


@dataclass(kw_only=True)
class Fit:
    """One policy and one target.

    default: the approximation of entries without one of their own. references: texts of `to` that the target knows by
    names of its own. families: the IP versions in use there. errors, differences, notices: what was found so far.
    """

    target: str
    can: Capabilities
    resolved: ResolvedPolicy
    default: Approximation = ""
    references: Sequence[str] = ()
    families: tuple[int, ...] = (4, 6)
    errors: list[PolicyError] = field(default_factory=list)
    differences: list[TargetDifference] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def of_families(self, destinations: AddressSet) -> AddressSet:
        """Return the addresses in the IP versions of the target."""
        return AddressSet(destinations.v4 if 4 in self.families else (), destinations.v6 if 6 in self.families else ())

    def direction(
        self,
        entry: ResolvedEntry,
        why: str,
        possible: Sequence[Approximation] = (WIDER, NARROWER),
        where: str = "",
        ways: str = "",
    ) -> Approximation:
        """Return the approximation that the user allows, with an error where none or an impossible one is written.

        where: the place of the error. ways: other ways out, for the fix.
        """
        allowed = entry.approximate or self.default
        if allowed not in possible:
            everywhere = f"{VARIABLE}: {{{self.target}: {possible[-1]}}}"
            if entry.kind in ("floor", "tier"):
                fix = f"write {everywhere}, which is for all entries"
            else:
                fix = f"write approximate: {' or '.join(possible)} in the entry, or for all entries {everywhere}"
            self.errors.append(PolicyError(where or f"{entry.origin} {entry.where}".strip(), why, ways + fix))
        return allowed

    def differ(
        self,
        entry: ResolvedEntry,
        direction: Approximation,
        why: str,
        boxes: Sequence[Box],
        *,
        names: tuple[str, ...] = (),
        users: tuple[str, ...] | None = None,
    ) -> None:
        """Record a difference for each box. Without a direction there is an error instead."""
        if not direction:
            return
        for box in boxes:
            self.differences.append(
                TargetDifference(
                    entry=entry.name,
                    direction=direction,
                    why=why,
                    addresses=box.addresses,
                    services=box.services,
                    names=names,
                    users=users,
                )
            )
