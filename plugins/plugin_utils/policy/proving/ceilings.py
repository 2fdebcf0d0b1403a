# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier may ever reach, compared as a set: a forbidden whole cannot be opened in pieces either.

Addresses are on one of two sides, inside (egress_internal_networks) and outside; multicast, which stays on the network,
is on neither and has no ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    CeilingSide,
    Destination,
    Entry,
    Tier,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.values import enumeration
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Grant, ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving import nat64
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS, NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

Side = Literal["inside", "outside"]
_SHOWN = 5
SIDES: tuple[Side, ...] = ("inside", "outside")
_RAISE = "move the entry to egress_ceiling_raise_TOPIC with reason, owner and review_by"
_REMOVE = f"remove it, or {_RAISE}"
_NARROWER = f"name narrower networks, or {_RAISE}"
_FEWER = f"name fewer or narrower networks, or {_RAISE.replace('the entry', 'an entry')}"
_MOVE_BASE = "move the entry to egress_allow_TOPIC of the groups that need it"


@dataclass(frozen=True)
class WideNetwork:
    """A network that is wider than the tier's ceiling lets an entry name.

    text: as in `10.0.0.0/8`. limit: the shortest prefixes that may be named, for a sentence.
    """

    text: str
    limit: str


@dataclass(frozen=True)
class Ceiling:
    """A tier's ceiling on one host. internal, nat64: of the host's settings.

    Where no internal networks are set, which only observe mode allows, those for private use stand in for them.
    """

    report: ErrorReport
    tier: Tier
    internal: AddressSet
    nat64: AddressSet

    def check(self, entries: Sequence[tuple[Entry, ResolvedEntry]]) -> None:
        """Report each entry above the ceiling, or, when none is by itself, what they add up to."""
        bound = [(entry, resolved) for entry, resolved in entries if entry.kind not in ("raise", "floor")]
        errors = self.report.error_count
        for entry, resolved in bound:
            if entry.kind == "base":
                self._check_base(entry, resolved)
            else:
                self._check_entry(entry, resolved)
        if self.report.error_count == errors:
            self._check_together([(entry, resolved) for entry, resolved in bound if entry.kind != "base"])

    def _check_base(self, entry: Entry, resolved: ResolvedEntry) -> None:
        """Report an entry of egress_allow_base that goes outside. It is for every tier: no tier's services bind it."""
        outside = self._split(resolved.addresses)["outside"]
        if resolved.names and self._split(addresses.union(grant.addresses for grant in resolved.by_name))["outside"]:
            cause = (
                f"{resolved.names[0].name} may be anywhere, and egress_allow_base stays inside egress_internal_networks"
            )
            self.report.error(entry.place, cause, _MOVE_BASE)
        elif resolved.external and outside:
            cause = f"prefix_list:{resolved.external[0].part} is filled by others, who may name addresses outside"
            cause += " egress_internal_networks, and egress_allow_base stays inside"
            self.report.error(entry.place, cause, _MOVE_BASE)
        elif outside:
            cause = f"{outside.first()} is outside egress_internal_networks, and egress_allow_base stays inside"
            self.report.error(entry.place, cause, _MOVE_BASE)

    def _check_entry(self, entry: Entry, resolved: ResolvedEntry) -> None:
        if cause := self._bad_names(resolved):
            self.report.error(entry.place, cause, _REMOVE)
            return
        for grant in resolved.by_address:
            for side, part in self._split(grant.addresses).items():
                if part and self._is_above(entry, resolved, grant, side, part):
                    return

    def _is_above(self, entry: Entry, resolved: ResolvedEntry, grant: Grant, side: Side, part: AddressSet) -> bool:
        """Report that this much of an entry is above the ceiling, and return whether it is."""
        filled = f"prefix_list:{grant.part}, which others fill" if grant in resolved.external else ""
        cause = self._bad_services(side, filled or str(part.first()), grant.services)
        if cause:
            self.report.error(entry.place, cause, _REMOVE)
            return True
        wide = self._wide(side, self._named(side, part))
        if wide is None:
            return False
        if filled:
            cause = f"prefix_list:{grant.part} is filled by others with any address of the internet, which"
            self.report.error(entry.place, f"{cause} {self._too_wide(side, wide)}", _REMOVE)
        else:
            self._report_wide(entry, resolved, side, wide)
        return True

    def _report_wide(self, entry: Entry, resolved: ResolvedEntry, side: Side, wide: WideNetwork) -> None:
        """Report too wide a network at the destination that has all of it, or else at the entry."""
        parts = {
            destination.text: self._named(side, self._split(destination.addresses)[side])
            for destination in resolved.destinations
        }
        for destination in entry.to:
            own = self._wide(side, parts.get(destination.text, NOTHING))
            if own is not None:
                fix = (
                    f"write internet in place of any, or {_RAISE}"
                    if self._covers_internet(destination, side)
                    else _NARROWER
                )
                cause = f"{destination.text} {self._too_wide(side, own, destination)}"
                self.report.error(destination.place, cause, fix)
                return
        network = addresses.parse(wide.text)
        names = [text for text, part in parts.items() if part & network]
        cause = f"{enumeration(names)} together make {wide.text}, which {self._too_wide(side, wide)}"
        self.report.error(entry.place, cause, _NARROWER)

    def _covers_internet(self, destination: Destination, side: Side) -> bool:
        return destination.value == "any" and destination.kind == "word" and self._side(side).whole

    def _too_wide(self, side: Side, wide: WideNetwork, destination: Destination | None = None) -> str:
        """Return the rest of a sentence about what is too wide.

        destination: is named in the sentence. What of it is too wide is said where that is not all of it.
        """
        where = f"{side} your networks and the internet" if self._side(side).whole else f"{side} your networks"
        hidden = ""
        if destination is not None and self._covers_internet(destination, side):
            hidden = f"it includes {wide.text}, and "
        elif destination is not None and destination.addresses.v6 and "." in wide.text:
            hidden = "it stands for IPv4 addresses, and "
        subject = "the tier" if hidden else "it"
        return f"is too wide for tier {self.tier.name}: {hidden}{where} {subject} may name {wide.limit}"

    def _bad_services(self, side: Side, what: str, used: ServiceSet) -> str:
        """Return why services with an address or a domain name are above the ceiling; "" when they are not."""
        ceiling, tier = self._side(side), self.tier.name
        where = f"{side} egress_internal_networks"
        if ceiling.services is None:
            return f"{what} is {where}, where tier {tier} reaches nothing"
        excess = used - ceiling.services
        if excess:
            cause = f"{where} the tier may not use this service"
            return f"{excess.first()} to {what} is above the ceiling of tier {tier}: {cause}"
        for name in ceiling.never:
            excess = used & services.of_class(name)
            if excess:
                cause = f"services of class {name} never go {where}"
                return f"{excess.first()} to {what} is above the ceiling of tier {tier}: {cause}"
        return ""

    def _bad_names(self, resolved: ResolvedEntry) -> str:
        """Return why domain names are above the ceiling; "" when they are not.

        Each counts as named: outside, since nobody knows here where it leads, or where `within` says.
        """
        for grant in resolved.by_name:
            parts = self._split(grant.addresses) if resolved.within else {"outside": grant.addresses}
            for side in (side for side in SIDES if parts.get(side)):
                if cause := self._bad_services(side, resolved.names[0].name, grant.services):
                    return cause
                wild = [name.name for name in resolved.names if domain_names.parse(name.name).wild]
                if wild and not self._side(side).wildcards:
                    where = f"{side} egress_internal_networks"
                    return f"{wild[0]} is above the ceiling of tier {self.tier.name}: {where} it may name no wildcards"
        return ""

    def _check_together(self, entries: Sequence[tuple[Entry, ResolvedEntry]]) -> None:
        for side in SIDES:
            parts = [
                (entry, self._named(side, self._split(addresses.union(g.addresses for g in resolved.by_address))[side]))
                for entry, resolved in entries
            ]
            total = addresses.union(part for _entry, part in parts)
            entries_of_side = [entry for entry, part in parts if part]
            cause = self._too_much(total, side, len(entries_of_side))
            if cause:
                names = _some([entry.name for entry in entries_of_side])
                self.report.error(entries_of_side[0].place, f"{names} {cause}", _FEWER)

    def _too_much(self, total: AddressSet, side: Side, count: int) -> str:
        """Return why entries are too much together, although no entry is too wide; "" when they are not.

        The text is the rest of a sentence about count entries.
        """
        wide = self._wide(side, total)
        if wide is not None:
            return f"together make {wide.text}, which {self._too_wide(side, wide)}"
        ceiling = self._side(side)
        for version, most in ((4, ceiling.most[0]), (6, ceiling.most[1])):
            if total.size(version) > 2 ** (BITS[version] - most):
                limit = f"the most that tier {self.tier.name} may open {side} your networks"
                verb = "opens" if count == 1 else "together open"
                return f"{verb} more IPv{version} addresses than one /{most} has, {limit}"
        return ""

    def _wide(self, side: Side, part: AddressSet) -> WideNetwork | None:
        """Return the first network with a shorter prefix than counts as named."""
        widest = dict(zip((4, 6), self._side(side).widest, strict=True))
        for version, address, length in part.prefixes():
            limit = widest[version]
            if length < limit:
                single = limit == BITS[version]
                shortest = "single addresses only" if single else f"prefixes of /{limit} or longer"
                return WideNetwork(f"{addresses.to_text(version, address)}/{length}", shortest)
        return None

    def _side(self, side: Side) -> CeilingSide:
        return self.tier.inside if side == "inside" else self.tier.outside

    def _named(self, side: Side, part: AddressSet) -> AddressSet:
        """Return what must be named: nothing inside or of the internet where the tier may have the whole of it."""
        if not self._side(side).whole:
            return part
        return NOTHING if side == "inside" else part - words.lookup("internet", self.internal)

    def _split(self, reached: AddressSet) -> dict[Side, AddressSet]:
        folded = nat64.fold(reached, self.nat64)
        inside = self.internal or words.table("private_use")
        return {"inside": folded & inside, "outside": folded - inside - words.table("multicast")}


def _some(names: Sequence[str]) -> str:
    """Return names for a sentence, at most five of them."""
    if len(names) <= _SHOWN:
        return enumeration(names)
    return enumeration([*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} more entries"])
