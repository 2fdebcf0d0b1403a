# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits a policy to a target: exact where the target can render it, else approximate as the user allows.

What a target cannot render is an error that names entry and target. A part that narrows to nothing never becomes an
unlimited opening: an opening always has destinations and services.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import (
    ErrorReport,
    Place,
    PolicyError,
    PolicyErrors,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import servers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values, words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.entries import APPROXIMATE
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .box_arithmetic import carried_services, subtract_boxes, whole_protocols
from .excepted_users import excepted_users, users_by_exceptions
from .model import NARROWER, WIDER, Capabilities, Closing, FittedPolicy, Opening, TargetDifference
from .wording import first_few, service_words

VARIABLE = "egress_approximate"


def read_approximate(report: ErrorReport, place: Place, value: Any, targets: Sequence[str]) -> dict[str, Approximation]:
    """Return egress_approximate: wider or narrower by the name of a target."""
    if value is None:
        return {}
    words = values.mapping(report, place, value, targets) or {}
    choices = {name: values.choice(report, place.key(name), word, APPROXIMATE) for name, word in words.items()}
    return {name: choice for name, choice in choices.items() if choice is not None}


@dataclass(kw_only=True)
class PolicyFit:
    """The fit of one policy to one target, with what it has found so far.

    default: the approximation of entries without one of their own. references: texts of `to` that the target knows by
    names of its own. families: the IP versions in use there.
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

    def fit(self) -> FittedPolicy:
        """Return the fitted policy. Raises PolicyErrors with everything that the target cannot render."""
        openings = self._floor()
        for entry in self.resolved.all_entries():
            openings += self._entry(entry)
        closings = self._closings() if any(opening.names for opening in openings) else ()
        if self.errors:
            raise PolicyErrors(tuple(dict.fromkeys(self.errors)))
        return FittedPolicy(
            openings=tuple(openings),
            closings=closings,
            differences=tuple(self.differences),
            notices=tuple(self.notices),
            never=addresses.union(never.addresses for never in self.resolved.never),
            protected=self.resolved.internal | words.never_public(),
        )

    def _floor(self) -> list[Opening]:
        """Return openings to the named servers, which egress_never does not close."""
        openings = [
            Opening(entry=part.variable, addresses=destinations, services=part.services)
            for part in servers(self.resolved)
            if part.part in self.can.floor and (destinations := self._of_families(part.addresses))
        ]
        if self.resolved.host_dns and "dns" in self.resolved.floor and "dns" in self.can.floor:
            self.notices.append(
                "egress_dns_servers: only the host knows the servers that auto stands for, so they are not opened here."
                " Fix: name the servers"
            )
        return openings

    def _entry(self, entry: ResolvedEntry) -> list[Opening]:
        boxes = self._in_families(entry, [Box(grant.addresses, grant.services) for grant in entry.grants])
        boxes = [part for box in boxes for part in self._without_never(entry, box)]
        boxes = [part for box in boxes for part in self._expressed(entry, box)]
        openings = self._by_reference(entry, boxes) + self._by_names(entry) + self._by_external_lists(entry)
        approximate = entry.approximate or self.default
        return [
            replace(opening, reason=entry.reason, owner=entry.owner, approximate=approximate)
            for opening in self._for_everybody(entry, openings)
        ]

    def _without_never(self, entry: ResolvedEntry, box: Box) -> list[Box]:
        """Return what egress_never leaves. Not every target can distinguish the users that it excepts."""
        excepting = [never for never in self.resolved.never if excepted_users(entry, never)]
        rest = subtract_boxes([box], (never for never in self.resolved.never if never not in excepting))
        for_others = subtract_boxes(rest, excepting)
        # Two elements may leave each other's users nothing, so the users of all elements are considered together.
        for_users = {
            users: subtract_boxes(rest, (never for never in excepting if not is_one_of(users[0], never.except_users)))
            for users in users_by_exceptions(entry, excepting)
        }
        for_nobody = subtract_boxes(rest, [*for_others, *(part for parts in for_users.values() for part in parts)])
        for_somebody = subtract_boxes(rest, for_nobody)
        if self.can.user or entry.users is not None:
            return for_somebody  # Whom an entry with users is for is decided later, for all of its openings together.
        direction: Approximation = WIDER
        for users, parts in for_users.items():
            differing = subtract_boxes(parts, for_others)
            if differing:
                why = (
                    f"{self.target} cannot distinguish {', '.join(users)}, whom egress_never excepts, from other users"
                )
                direction = self._direction(entry, why)
                self._differ(entry, direction, why, differing, users=users if direction == NARROWER else None)
        return for_somebody if direction == WIDER else for_others

    def _in_families(self, entry: ResolvedEntry, boxes: list[Box]) -> list[Box]:
        """Return the boxes in the IP versions of the target."""
        rest = [box for each in boxes if (box := Box(self._of_families(each.addresses), each.services))]
        if boxes and not rest:
            why = f"{self.target} has {' and '.join(f'IPv{version}' for version in self.families)} only"
            self._direction(entry, why, (NARROWER,))
            self._differ(entry, NARROWER, why, boxes)
        return rest

    def _expressed(self, entry: ResolvedEntry, box: Box) -> list[Box]:
        """Return the box in protocols and ports of the target, exact or approximate."""
        if box.services == services.ANY and self.can.any:
            return [box]
        exact, rest = self._split(box.services)
        exact_boxes = [Box(box.addresses, exact)] if exact else []
        rest = carried_services(rest, box.addresses)
        if not rest:
            return exact_boxes
        why = f"{self.target} cannot express {first_few(service_words(rest))}"
        direction = self._direction(entry, why, (WIDER, NARROWER) if self.can.widens else (NARROWER,))
        if direction != WIDER:
            self._differ(entry, direction, why, [Box(box.addresses, rest)])
            return exact_boxes
        wide = services.ANY if self.can.widens == "any" else exact | whole_protocols(rest)
        more = Box(box.addresses, wide - box.services)
        closed = self._closed_by_never(more)
        if closed:
            why = f"{why} without opening {closed.first()}, which egress_never closes"
            self._direction(entry, why, (NARROWER,))
            return exact_boxes
        # `internal` opens no DNS, an address beside it does: flows that the entry opens anyway are no difference.
        self._differ(entry, WIDER, why, subtract_boxes([more], entry.grants))
        return [Box(box.addresses, wide)]

    def _closed_by_never(self, more: Box) -> AddressSet:
        """Return the addresses that egress_never closes in a box that an approximation would open."""
        return addresses.union(
            never.addresses & more.addresses for never in self.resolved.never if never.services & more.services
        )

    def _split(self, requested: ServiceSet) -> tuple[ServiceSet, ServiceSet]:
        """Return (services that the target can express, the others)."""
        exact = rest = services.NONE
        for number, ports in requested.protocols().items():
            part = ServiceSet(
                tuple((number * services.PORTS + first, number * services.PORTS + last) for first, last in ports)
            )
            known = self.can.protocols if ports == services.WHOLE else self.can.ported
            exact, rest = (exact | part, rest) if number in known else (exact, rest | part)
        return exact, rest

    def _by_reference(self, entry: ResolvedEntry, boxes: list[Box]) -> list[Opening]:
        """Return openings in which fully open destinations go by the target's names, the others by address."""
        known = [each for each in entry.destinations if each.text in self.references and each.whole]
        others = addresses.union(each.addresses for each in entry.destinations if each not in known)
        openings = []
        for box in boxes:
            # A name of the target stands for the whole destination, so nothing of it may have been subtracted.
            named = [each for each in known if each.addresses and self._of_families(each.addresses) <= box.addresses]
            by_name = addresses.union(each.addresses for each in named)
            openings.append(
                Opening(
                    entry=entry.name,
                    addresses=box.addresses - (by_name - others) if named else box.addresses,
                    services=box.services,
                    references=tuple(sorted(each.text for each in named)),
                )
            )
        return openings

    def _by_names(self, entry: ResolvedEntry) -> list[Opening]:
        if not entry.names:
            return []
        names = tuple(name.name for name in entry.names)
        return self._with_names(entry, names, entry.by_name[0].services, where=entry.names[0].where)

    def _by_external_lists(self, entry: ResolvedEntry) -> list[Opening]:
        """Return openings for lists that others fill: by their domain names, where those are known."""
        openings: list[Opening] = []
        fed = dict(entry.feeding_names)
        for grant in entry.external:
            names = fed.get(grant.part, ())
            if names and self.can.names != "no":
                openings += self._with_names(entry, names, grant.services, prefix_list=grant.part)
                continue
            why = f"{self.target} does not know the content of prefix_list:{grant.part}, which others fill"
            direction = self._direction(entry, why)
            bound = self._without_never(entry, Box(self._of_families(grant.addresses), grant.services))
            self._differ(entry, direction, why, subtract_boxes(bound, entry.grants))
            if direction == WIDER:
                openings += [
                    Opening(entry=entry.name, addresses=part.addresses, services=part.services)
                    for box in bound
                    for part in self._expressed(entry, box)
                ]
        return openings

    def _with_names(
        self,
        entry: ResolvedEntry,
        names: tuple[str, ...],
        requested: ServiceSet,
        *,
        where: str = "",
        prefix_list: str = "",
    ) -> list[Opening]:
        """Return openings by domain names. where: the place of an error. prefix_list: the list that the names fill."""
        unresolved = [Box(NOTHING, requested)]
        if self.can.names == "no":
            why = f"{self.target} does not know domain names ({first_few(list(names))})"
            self._direction(entry, why, (NARROWER,), where)
            self._differ(entry, NARROWER, why, unresolved, names=names)
            return []
        if self.can.names == "below":
            why = f"{self.target} also matches every name below {first_few(list(names))}"
            if self._direction(entry, why, where=where) == NARROWER:
                self._differ(entry, NARROWER, why, unresolved, names=names)
                return []
            self._differ(entry, WIDER, why, unresolved, names=tuple(f"*.{name}" for name in names))
        boxes = self._expressed(entry, Box(addresses.EVERYTHING, requested))
        return [
            Opening(entry=entry.name, addresses=NOTHING, services=box.services, names=names, prefix_list=prefix_list)
            for box in boxes
        ]

    def _for_everybody(self, entry: ResolvedEntry, openings: list[Opening]) -> list[Opening]:
        """Return openings that hold for everybody; an entry for some users or for containers needs an approximation."""
        boxes = [Box(opening.addresses, opening.services) for opening in openings]
        names = tuple(sorted({name for opening in openings for name in opening.names}))
        if entry.users is not None and not self.can.user:
            why = f"{self.target} cannot distinguish the sockets of {', '.join(entry.users)} from others"
        elif "host" not in entry.for_ and not self.can.containers:
            why = f"{self.target} cannot distinguish containers from their host"
        else:
            return openings
        direction = self._direction(entry, why)
        users = entry.users if direction == NARROWER else None
        self._differ(entry, direction, why, boxes, names=names, users=users)
        return openings if direction == WIDER else []

    def _closings(self) -> tuple[Closing, ...]:
        """Return egress_never for targets with openings by name: nobody knows their addresses to subtract from."""
        if not self.can.deny:
            return ()
        for users in {never.except_users for never in self.resolved.never if never.except_users}:
            self.notices.append(f"destinations of names that egress_never closes are closed to {', '.join(users)}, too")
        return tuple(
            Closing(addresses=self._of_families(never.addresses), services=never.services)
            for never in self.resolved.never
        )

    def _of_families(self, destinations: AddressSet) -> AddressSet:
        return AddressSet(destinations.v4 if 4 in self.families else (), destinations.v6 if 6 in self.families else ())

    def _direction(
        self,
        entry: ResolvedEntry,
        why: str,
        possible: Sequence[Approximation] = (WIDER, NARROWER),
        where: str = "",
    ) -> Approximation:
        """Return the approximation that the user allows, with an error where none or an impossible one is written."""
        allowed = entry.approximate or self.default
        if allowed not in possible:
            everywhere = f"{VARIABLE}: {{{self.target}: {possible[-1]}}}"
            if entry.kind in ("floor", "tier"):
                fix = f"write {everywhere}, which is for all entries"
            else:
                fix = f"write approximate: {' or '.join(possible)} in the entry, or for all entries {everywhere}"
            self.errors.append(PolicyError(where or f"{entry.origin} {entry.where}".strip(), why, fix))
        return allowed

    def _differ(
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
