# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier may ever reach, compared as a set: a forbidden whole cannot be had in pieces either.

Addresses are in one of three realms: inside (egress_internal_networks), multicast, which stays on the network and has
no ceiling, and outside, which is everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import CeilingSide, Tier
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving import nat64
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS, NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

FIX = "take it out, or move the entry to egress_ceiling_raise_TOPIC with reason, owner and review_by"
_SIDES = {"inside": "inside egress_internal_networks", "outside": "outside egress_internal_networks"}


@dataclass(frozen=True)
class Ceiling:
    """A tier's ceiling on one host. internal, nat64: of the host's settings.

    Where no internal networks are set, which only observe mode allows, those for private use stand in for them.
    """

    report: ErrorReport
    tier: Tier
    internal: AddressSet
    nat64: AddressSet

    def check(self, entries: Sequence[tuple[Place, ResolvedEntry]]) -> None:
        """Report each entry above the ceiling, or, when each is below it alone, what they add up to."""
        bound = [(place, entry) for place, entry in entries if entry.kind not in ("raise", "floor")]
        errors = len(self.report.errors)
        for place, entry in bound:
            if entry.kind == "base":
                self._check_base(place, entry)
            else:
                self._check_entry(place, entry)
        if len(self.report.errors) == errors:
            self._check_together([(place, entry) for place, entry in bound if entry.kind != "base"])

    def _check_base(self, place: Place, entry: ResolvedEntry) -> None:
        """egress_allow_base is for every tier, so it stays inside; it is not bound to the tier's services."""
        outside = self._split(entry.addresses)["outside"]
        if entry.names:
            cause = (
                f"egress_allow_base stays inside egress_internal_networks, and {entry.names[0].name} may be anywhere"
            )
            self.report.error(place, cause, "move the entry to the list of the groups that need it")
        elif outside:
            other = f"what others fill into prefix_list:{entry.external[0].part}" if entry.external else outside.first()
            cause = f"egress_allow_base stays inside egress_internal_networks, and {other} is not"
            self.report.error(place, cause, "move the entry to the list of the groups that need it")

    def _check_entry(self, place: Place, entry: ResolvedEntry) -> None:
        if entry.names:
            cause = self._spoken("outside", entry.names[0].name, entry.by_name[0].services)
            if cause:
                self.report.error(place, f"is above the ceiling of tier {self.tier.name}: {cause}", FIX)
                return
        for grant in entry.by_address:
            # Nobody knows here what others fill in, so the ceiling must allow all that they could.
            filled = f"prefix_list:{grant.part} is filled by others, with " if grant in entry.external else ""
            for side, part in self._split(grant.addresses).items():
                cause = self._above(side, part, grant.services) if part else ""
                if cause:
                    self.report.error(place, f"is above the ceiling of tier {self.tier.name}: {filled}{cause}", FIX)
                    return

    def _above(self, side: str, part: AddressSet, spoken: ServiceSet) -> str:
        """Why this much of one entry is above the ceiling; "" when it is not."""
        cause = self._spoken(side, str(part.first()), spoken)
        wide = next(_too_wide(self._named(side, part), self._realm(side).widest), None)
        if cause or wide is None:
            return cause
        return f"{wide[0]} begins {wide[1]}, wider than {wide[2]}; {_SIDES[side]} the tier reaches only what it names"

    def _spoken(self, side: str, what: str, spoken: ServiceSet) -> str:
        """Why these services with an address or a domain name are above the ceiling; "" when they are not.

        A domain name counts as named, and as outside, since nobody knows here where it leads.
        """
        realm = self._realm(side)
        where = _SIDES[side]
        if realm.services is None:
            return f"{what} is {where}, where the tier reaches nothing"
        excess = spoken - realm.services
        if excess:
            return f"{what} with {excess.first()}; {where} the tier speaks no such service"
        for name in realm.never:
            excess = spoken & services.of_class(name)
            if excess:
                return f"{what} with {excess.first()}; services of class {name} never go {where}"
        return ""

    def _check_together(self, entries: Sequence[tuple[Place, ResolvedEntry]]) -> None:
        for side, where in _SIDES.items():
            realm = self._realm(side)
            parts = [
                (place, entry, self._split(addresses.union(grant.addresses for grant in entry.by_address))[side])
                for place, entry in entries
            ]
            total = self._named(side, addresses.union(part for _place, _entry, part in parts))
            cause = _too_much(total, realm)
            if not cause:
                continue
            guilty = [(place, entry.name) for place, entry, part in parts if self._named(side, part)]
            names = ", ".join(name for _place, name in guilty)
            cause = f"{names} together are above the ceiling of tier {self.tier.name}: {cause} {where}"
            self.report.error(guilty[0][0], cause, FIX)

    def _realm(self, side: str) -> CeilingSide:
        return self.tier.inside if side == "inside" else self.tier.outside

    def _named(self, side: str, part: AddressSet) -> AddressSet:
        """The part that must be named: nothing inside or of the internet where the tier may have the whole of it."""
        if not self._realm(side).whole:
            return part
        return NOTHING if side == "inside" else part - words.lookup("internet", self.internal)

    def _split(self, found: AddressSet) -> dict[str, AddressSet]:
        folded = nat64.fold(found, self.nat64)
        inside = self.internal or words.table("private_use")
        return {"inside": folded & inside, "outside": folded - inside - words.table("multicast")}


def _too_wide(part: AddressSet, widest: tuple[int, int]) -> Iterator[tuple[str, str, str]]:
    """(first address, network, limit) of each network with a shorter prefix than is counted as named."""
    for version, address, length in part.prefixes():
        limit = widest[0] if version == 4 else widest[1]
        if length < limit:
            text = addresses.to_text(version, address)
            yield text, f"{text}/{length}", f"/{limit}"


def _too_much(total: AddressSet, realm: CeilingSide) -> str:
    """Why this is too much for one tier, although no entry alone is; "" when it is not."""
    wide = next(_too_wide(total, realm.widest), None)
    if wide is not None:
        return f"{wide[0]} begins {wide[1]}, wider than {wide[2]},"
    for version, most in ((4, realm.most[0]), (6, realm.most[1])):
        if total.size(version) > 2 ** (BITS[version] - most):
            first = addresses.to_text(version, total.family(version)[0][0])
            return f"from {first} on they are more IPv{version} addresses than a /{most} has,"
    return ""
