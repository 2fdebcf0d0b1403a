# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts a policy down to what an enforcement point can say: exactly, or as the user said it may be approximated.

What cannot be said is an error that names entry and target. Nothing that narrows to nothing is left over as something
without limits: an opening always has destinations and services.
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
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import NTP
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.entries import APPROXIMATE
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .box_arithmetic import carried_services, subtract_boxes, whole_protocols
from .excepted_users import excepted_users, users_by_exceptions
from .model import NARROWER, WIDER, Capabilities, Closing, FittedPolicy, Opening, TargetDifference
from .wording import first_few, service_words

VARIABLE = "egress_approximate"


def read_approximate(report: ErrorReport, place: Place, value: Any, targets: Sequence[str]) -> dict[str, str]:
    """egress_approximate: a word for each target that shall not insist on saying everything."""
    if value is None:
        return {}
    given = values.mapping(report, place, value, targets) or {}
    found = {name: values.word(report, place.key(name), word, APPROXIMATE) for name, word in given.items()}
    return {name: word for name, word in found.items() if word is not None}


@dataclass
class PolicyFit:
    """One policy for one target. default: what to do where an entry has no word of its own.

    references: texts of `to` that the target knows by names of its own. families: IP versions that there are.
    """

    target: str
    can: Capabilities
    resolved: ResolvedPolicy
    default: str = ""
    references: Sequence[str] = ()
    families: tuple[int, ...] = (4, 6)
    errors: list[PolicyError] = field(default_factory=list)
    differences: list[TargetDifference] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def fit(self) -> FittedPolicy:
        """Everything together. Raises PolicyErrors with all that cannot be said."""
        openings = self._floor()
        for entry in self.resolved.all_entries():
            openings += self._entry(entry)
        closings = self._closings() if any(opening.names for opening in openings) else ()
        if self.errors:
            raise PolicyErrors(tuple(dict.fromkeys(self.errors)))
        never = addresses.union(one.addresses for one in self.resolved.never)
        return FittedPolicy(tuple(openings), closings, tuple(self.differences), tuple(self.notices), never)

    def _floor(self) -> list[Opening]:
        """The named servers, which egress_never does not concern."""
        parts = (("dns", self.resolved.dns, services.DNS), ("ntp", self.resolved.ntp, NTP))
        found = []
        for part, servers, what in parts:
            there = self._of_families(servers)
            if part in self.resolved.floor and part in self.can.floor and there:
                found.append(Opening(f"egress_{part}_servers", there, what))
        if self.resolved.host_dns and "dns" in self.resolved.floor and "dns" in self.can.floor:
            self.notices.append(
                "egress_dns_servers: [auto] is known on the host only; name servers are not opened for it"
            )
        return found

    def _entry(self, entry: ResolvedEntry) -> list[Opening]:
        boxes = self._with_families(entry, [Box(grant.addresses, grant.services) for grant in entry.grants])
        boxes = [piece for box in boxes for piece in self._without_never(entry, box)]
        found = self._references(entry, [box for one in boxes for box in self._said(entry, one)])
        found += self._named(entry) + self._filled(entry)
        word = entry.approximate or self.default
        return [
            replace(opening, reason=entry.reason, owner=entry.owner, approximate=word)
            for opening in self._for_whom(entry, found)
        ]

    def _without_never(self, entry: ResolvedEntry, box: Box) -> list[Box]:
        """What egress_never leaves. Whom it does not concern cannot be told from others everywhere."""
        mixed = [never for never in self.resolved.never if excepted_users(entry, never)]
        rest = subtract_boxes([box], (never for never in self.resolved.never if never not in mixed))
        others = subtract_boxes(rest, mixed)
        # Two of them may leave each other's users nothing, so what somebody has is asked of all of them together.
        reached = {
            users: subtract_boxes(rest, (never for never in mixed if not is_one_of(users[0], never.except_users)))
            for users in users_by_exceptions(entry, mixed)
        }
        nobody = subtract_boxes(rest, [*others, *(one for found in reached.values() for one in found)])
        somebody = subtract_boxes(rest, nobody)
        if self.can.user or entry.users is not None:
            return somebody  # Where the entry is for some users only, what becomes of it is decided for all together.
        direction = WIDER
        for users, found in reached.items():
            differing = subtract_boxes(found, others)
            if differing:
                why = f"{self.target} cannot tell {', '.join(users)} of egress_never from others"
                direction = self._direction(entry, why)
                self._differ(entry, direction, why, differing, users=users if direction == NARROWER else None)
        return somebody if direction == WIDER else others

    def _with_families(self, entry: ResolvedEntry, boxes: list[Box]) -> list[Box]:
        found = [replace(box, addresses=self._of_families(box.addresses)) for box in boxes]
        found = [box for box in found if box]
        if boxes and not found:
            there = " and ".join(f"IPv{version}" for version in self.families)
            why = f"{self.target} has {there} only"
            self._direction(entry, why, (NARROWER,))
            self._differ(entry, NARROWER, why, boxes)
        return found

    def _said(self, entry: ResolvedEntry, box: Box) -> list[Box]:
        """The box in protocols and ports that the target knows."""
        if box.services == services.ANY and self.can.any:
            return [box]
        exact, rest = self._split(box.services)
        kept = [replace(box, services=exact)] if exact else []
        rest = carried_services(rest, box.addresses)
        if not rest:
            return kept
        why = f"{self.target} cannot say {first_few(service_words(rest))}"
        direction = self._direction(entry, why, (WIDER, NARROWER) if self.can.widens else (NARROWER,))
        if direction != WIDER:
            self._differ(entry, direction, why, [replace(box, services=rest)])
            return kept
        wide = services.ANY if self.can.widens == "any" else exact | whole_protocols(rest)
        more = replace(box, services=wide - box.services)
        closed = self._closed(more)
        if closed:
            why = f"{why} without opening {closed.first()}, which egress_never closes"
            self._direction(entry, why, (NARROWER,))
            return kept
        # `internal` opens no DNS, an address beside it does: what is open anyhow is no difference.
        self._differ(entry, WIDER, why, subtract_boxes([more], entry.grants))
        return [replace(box, services=wide)]

    def _closed(self, more: Box) -> AddressSet:
        """What egress_never closes of a box that an approximation would open."""
        return addresses.union(
            never.addresses & more.addresses for never in self.resolved.never if never.services & more.services
        )

    def _split(self, wanted: ServiceSet) -> tuple[ServiceSet, ServiceSet]:
        """(what the target can say, the rest)."""
        exact = rest = services.NONE
        for number, ports in wanted.protocols().items():
            part = ServiceSet(
                tuple((number * services.PORTS + first, number * services.PORTS + last) for first, last in ports)
            )
            known = self.can.protocols if ports == services.WHOLE else self.can.ported
            exact, rest = (exact | part, rest) if number in known else (exact, rest | part)
        return exact, rest

    def _references(self, entry: ResolvedEntry, boxes: list[Box]) -> list[Opening]:
        """Openings; destinations that the target knows by a name go by it when all of them is open, else by address."""
        known = [part for part in entry.destinations if part.text in self.references and part.whole]
        others = addresses.union(part.addresses for part in entry.destinations if part not in known)
        found = []
        for box in boxes:
            # By its name a destination has no limits but the services, so nothing may have been taken out of it.
            named = [part for part in known if part.addresses and self._of_families(part.addresses) <= box.addresses]
            by_name = addresses.union(part.addresses for part in named)
            left = box.addresses - (by_name - others) if named else box.addresses
            found.append(Opening(entry.name, left, box.services, references=tuple(sorted(part.text for part in named))))
        return found

    def _named(self, entry: ResolvedEntry) -> list[Opening]:
        if not entry.names:
            return []
        names = tuple(one.name for one in entry.names)
        return self._with_names(entry, names, entry.by_name[0].services, entry.names[0].where, "")

    def _filled(self, entry: ResolvedEntry) -> list[Opening]:
        """Lists that others fill: by the domain names that fill them, where those are known."""
        found: list[Opening] = []
        fed = dict(entry.feeding_names)
        for grant in entry.external:
            names = fed.get(grant.part, ())
            if names and self.can.names != "no":
                found += self._with_names(entry, names, grant.services, "", grant.part)
                continue
            why = f"{self.target} does not know what others fill into prefix_list:{grant.part}"
            direction = self._direction(entry, why)
            box = Box(self._of_families(grant.addresses), grant.services)
            wide = self._without_never(entry, box)
            self._differ(entry, direction, why, subtract_boxes(wide, entry.grants))
            if direction == WIDER:
                found += [
                    Opening(entry.name, one.addresses, one.services)
                    for piece in wide
                    for one in self._said(entry, piece)
                ]
        return found

    def _with_names(
        self, entry: ResolvedEntry, names: tuple[str, ...], wanted: ServiceSet, where: str, filled: str
    ) -> list[Opening]:
        if self.can.names == "no":
            why = f"{self.target} does not know domain names ({first_few(list(names))})"
            self._direction(entry, why, (NARROWER,), where)
            self._differ(entry, NARROWER, why, [Box(NOTHING, wanted)], names=names)
            return []
        if self.can.names == "below":
            why = f"{self.target} takes every name below {first_few(list(names))} for it, too"
            if self._direction(entry, why, where=where) == NARROWER:
                self._differ(entry, NARROWER, why, [Box(NOTHING, wanted)], names=names)
                return []
            self._differ(entry, WIDER, why, [Box(NOTHING, wanted)], names=tuple(f"*.{name}" for name in names))
        said = self._said(entry, Box(addresses.EVERYTHING, wanted))
        return [Opening(entry.name, NOTHING, one.services, names, list=filled) for one in said]

    def _for_whom(self, entry: ResolvedEntry, found: list[Opening]) -> list[Opening]:
        """Openings for everybody; an entry that is not for everybody needs a word for it."""
        boxes = [Box(one.addresses, one.services) for one in found]
        names = tuple(sorted({name for one in found for name in one.names}))
        if entry.users is not None and not self.can.user:
            why = f"{self.target} cannot tell the sockets of {', '.join(entry.users)} from others"
        elif "host" not in entry.for_ and not self.can.containers:
            why = f"{self.target} cannot tell containers from their host"
        else:
            return found
        direction = self._direction(entry, why)
        users = entry.users if direction == NARROWER else None
        self._differ(entry, direction, why, boxes, names=names, users=users)
        return found if direction == WIDER else []

    def _closings(self) -> tuple[Closing, ...]:
        """egress_never beside names, whose addresses nobody knows here, so that nothing can be subtracted from them."""
        if not self.can.deny:
            return ()
        for users in {one.except_users for one in self.resolved.never if one.except_users}:
            self.notices.append(f"where a name leads to what egress_never closes, {', '.join(users)} may not go either")
        return tuple(Closing(self._of_families(one.addresses), one.services) for one in self.resolved.never)

    def _of_families(self, found: AddressSet) -> AddressSet:
        return AddressSet(found.v4 if 4 in self.families else (), found.v6 if 6 in self.families else ())

    def _direction(
        self, entry: ResolvedEntry, why: str, possible: Sequence[str] = (WIDER, NARROWER), where: str = ""
    ) -> str:
        """What the user said to do; an error when it was not said or is not possible."""
        wanted = entry.approximate or self.default
        if wanted not in possible:
            own = entry.kind not in ("floor", "tier")
            everywhere = f"{VARIABLE}: {{{self.target}: {possible[-1]}}}"
            entry_cure = f"write approximate: {' or '.join(possible)} in the entry, or for all entries {everywhere}"
            cure = entry_cure if own else f"write {everywhere}, which is for all entries"
            self.errors.append(PolicyError(where or f"{entry.origin} {entry.where}".strip(), why, cure))
        return wanted

    def _differ(
        self,
        entry: ResolvedEntry,
        direction: str,
        why: str,
        boxes: Sequence[Box],
        *,
        names: tuple[str, ...] = (),
        users: tuple[str, ...] | None = None,
    ) -> None:
        for box in boxes:
            self.differences.append(
                TargetDifference(entry.name, direction, why, box.addresses, box.services, names, users)
            )
