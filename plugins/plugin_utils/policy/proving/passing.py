# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resolved policy lets through, for every user, address and service at once: `decide` for the whole space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import WITH_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    ResolvedEntry,
    ResolvedPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, Sockets
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, Pair, Region, of_boxes

from .floor import FloorOpening, openings

LOOPBACK = addresses.constant("127.0.0.0/8", "::1")
PORTED = of_boxes((EVERYTHING, services.of_protocol(number)) for number in WITH_PORTS.values())
"""Every flow of a protocol with ports."""

_WITHOUT_SOCKET = Reach.of_boxes([(EVERYTHING, services.ANY, [None])])


@dataclass(frozen=True)
class FloorScope:
    """How much of the floor counts.

    servers: the named DNS and NTP servers. rest: all other parts.
    source_port: of the flows; None for one that no part of the floor knows.
    """

    servers: bool = True
    rest: bool = True
    source_port: int | None = None

    def covers(self, opening: FloorOpening) -> bool:
        """Return whether one line of the floor counts."""
        counts = self.servers if opening.to_servers else self.rest
        return counts and opening.from_port in (None, self.source_port)


WHOLE = FloorScope()
SERVERS = FloorScope(rest=False)


def passing(
    resolved: ResolvedPolicy, *, may: bool = False, floor: FloorScope = WHOLE, containers: bool = False
) -> Reach:
    """Return what the policy lets through when it is enforced, whatever its mode.

    may: also what lists filled by others may contain, and DNS to wherever the host's own name servers may be; without
    it they count as empty. containers: about packets of the host's containers, which have no user.
    """
    if resolved.mode == "absent" or (containers and resolved.containers is None):
        return Reach.of_region(SPACE)
    entries = (resolved.containers or ()) if containers else resolved.entries
    boxes = [(*box, entry.sockets) for entry in entries for box in _boxes(entry, may)]
    boxes += [(*part.box, Sockets()) for part in _parts(resolved, floor, containers) if part.below_never]
    reached = Reach.of_boxes(boxes) - closed_reach(resolved)
    reached |= floor_reach(resolved, floor, may=may, containers=containers)
    if containers:
        return Reach.of_region(reached.nobody)
    return reached | stays(resolved) if floor.rest else reached


def of_closed_sockets(resolved: ResolvedPolicy, *, may: bool = False, floor: FloorScope = WHOLE) -> Reach:
    """Return what packets without a socket may do in a connection that an entry for some sockets accepted.

    That is what entries open to anybody, and where egress_never excepts sockets, what they are excepted from.
    """
    entries = tuple(replace(entry, users=None, units=None) for entry in resolved.entries)
    never = tuple(each for each in resolved.never if not each.excepts)
    return passing(replace(resolved, entries=entries, never=never), may=may, floor=floor) & _WITHOUT_SOCKET


def closed_reach(resolved: ResolvedPolicy) -> Reach:
    """Return what egress_never closes, whatever entries open."""
    return Reach.of_excepting((each.addresses, each.services, each.excepted) for each in resolved.never)


def inbound_reach(resolved: ResolvedPolicy) -> Reach:
    """Return what comes in by entries: the addresses are those of the sources. Nobody's, since it has no user yet."""
    return Reach.of_boxes((*box, None) for entry in resolved.inbound or () for box in _boxes(entry, may=True))


def _boxes(entry: ResolvedEntry, may: bool) -> Iterator[Pair]:
    for grant in entry.may if may else entry.grants:
        yield grant.addresses, grant.services


def entry_region(entry: ResolvedEntry, *, may: bool = True) -> Region:
    """Return what one entry opens to its sockets, before egress_never."""
    return of_boxes(_boxes(entry, may))


def entry_reach(entry: ResolvedEntry) -> Reach:
    """Return the most that one entry may ever open, for its sockets alone, before egress_never."""
    return Reach.of_boxes((*box, entry.sockets) for box in _boxes(entry, may=True))


def floor_reach(
    resolved: ResolvedPolicy, floor: FloorScope = WHOLE, *, may: bool = False, containers: bool = False
) -> Reach:
    """Return what passes before egress_never is looked at."""
    parts = (part for part in _parts(resolved, floor, containers) if not part.below_never)
    boxes = [(*(part.may if may else part.box), None if containers else part.users) for part in parts]
    return Reach.of_boxes([*boxes, *([(LOOPBACK, services.ANY, None)] if floor.rest else [])])


def stays(resolved: ResolvedPolicy) -> Region:
    """Return what never leaves the host: loopback, and what goes to its own addresses."""
    return of_boxes([(LOOPBACK | resolved.own, services.ANY)])


def _parts(resolved: ResolvedPolicy, floor: FloorScope, containers: bool) -> list[FloorOpening]:
    """Return the lines of the floor that count."""
    return [part for part in openings(resolved) if floor.covers(part) and (part.containers or not containers)]
