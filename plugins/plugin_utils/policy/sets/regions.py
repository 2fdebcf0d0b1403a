# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (protocol, port, destination address) for the whole of both families: what one user can reach.

A region is a step function along the line of services: from one service to another, these addresses. Both sides are
intervals, nothing is sampled, and each set has exactly one form, so that equality is equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from . import addresses, services
from .addresses import EVERYTHING, NOTHING, AddressSet
from .services import PORTS, ServiceSet

Piece = tuple[int, int, AddressSet]
"""From this place on the line of services to that one, both included: these addresses."""
_END = 256 * PORTS
_OF_ONE_FAMILY = (services.ICMP, services.ICMPV6)


@dataclass(frozen=True)
class Region:
    """Sorted, disjoint pieces; neighbours differ, none is empty. Compare with ==, test for emptiness with bool()."""

    pieces: tuple[Piece, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def __or__(self, other: Region) -> Region:
        if not self.pieces or not other.pieces:
            return self if self.pieces else other
        return _joined(
            (start, end, left | right if left and right else left or right)
            for start, end, left, right in _both(self, other)
        )

    def __and__(self, other: Region) -> Region:
        if not self.pieces or not other.pieces:
            return EMPTY
        return _joined((start, end, left & right) for start, end, left, right in _both(self, other) if left and right)

    def __sub__(self, other: Region) -> Region:
        if not self.pieces or not other.pieces:
            return self
        return _joined(
            (start, end, left - right if right else left) for start, end, left, right in _both(self, other) if left
        )

    def __le__(self, other: Region) -> bool:
        """Is everything of this region in the other?"""
        return not self - other

    def at(self, protocol: int, port: int) -> AddressSet:
        """The addresses that are reached with one service; port 0 where the protocol has none."""
        place = protocol * PORTS + port
        return next((found for start, end, found in self.pieces if start <= place <= end), NOTHING)

    def contains(self, protocol: int, port: int, address: str) -> bool:
        """Is this one flow in the region? Raises AddressError for what is no address."""
        return address in self.at(protocol, port)

    def boxes(self) -> list[tuple[AddressSet, ServiceSet]]:
        """The region as few (addresses, services), every combination of each; addresses of different ones differ."""
        found: dict[AddressSet, list[tuple[int, int]]] = {}
        for start, end, reached in self.pieces:
            found.setdefault(reached, []).append((start, end))
        return [(reached, ServiceSet(tuple(line))) for reached, line in found.items()]

    def addresses(self) -> AddressSet:
        """Every address that is reached with any service."""
        return addresses.union(reached for _start, _end, reached in self.pieces)

    def witness(self) -> tuple[str, str]:
        """(address, service) of the smallest flow: the lowest address, IPv4 first, and its lowest service.

        The region must not be empty. A service is written as a policy writes it: `tcp/22`, `icmp`, `proto/112`.
        """
        version = 4 if any(reached.v4 for _start, _end, reached in self.pieces) else 6
        lowest, place = min(
            (reached.family(version)[0][0], start) for start, _end, reached in self.pieces if reached.family(version)
        )
        return addresses.to_text(version, lowest), ServiceSet(((place, place),)).first()


EMPTY = Region()


def of_boxes(boxes: Iterable[tuple[AddressSet, ServiceSet]]) -> Region:
    """The union of boxes, each every combination of its addresses and services, in one pass over the services."""
    sets: list[AddressSet] = []
    changes: dict[int, list[int]] = {}
    clip = False
    for number, (reached, spoken) in enumerate(boxes):
        sets.append(reached)
        for start, end in spoken.line:
            clip = clip or any(start < (one + 1) * PORTS and end >= one * PORTS for one in _OF_ONE_FAMILY)
            changes.setdefault(start, []).append(number)
            changes.setdefault(end + 1, []).append(~number)
    found = _joined(_sweep(sets, changes))
    return found & SPACE if clip else found


def _sweep(sets: list[AddressSet], changes: dict[int, list[int]]) -> Iterator[Piece]:
    # The services of most entries are a few that all share, so the same sets meet again and again.
    known: dict[frozenset[int], AddressSet] = {}
    active: set[int] = set()
    before = 0
    for place in sorted(changes):
        if active:
            key = frozenset(active)
            if key not in known:
                known[key] = sets[next(iter(key))] if len(key) == 1 else addresses.union(sets[one] for one in key)
            yield before, place - 1, known[key]
        for number in changes[place]:
            if number >= 0:
                active.add(number)
        for number in changes[place]:
            if number < 0:
                active.discard(~number)
        before = place


def _both(left: Region, right: Region) -> Iterator[tuple[int, int, AddressSet, AddressSet]]:
    """Every stretch of the line on which neither changes and one has something."""
    ours, theirs = left.pieces, right.pieces
    i = j = at = 0
    while i < len(ours) or j < len(theirs):
        first, last, found = ours[i] if i < len(ours) else (_END, _END, NOTHING)
        other_first, other_last, other_found = theirs[j] if j < len(theirs) else (_END, _END, NOTHING)
        start = max(at, min(first, other_first))
        here, there = first <= start, other_first <= start
        end = min(last if here else first - 1, other_last if there else other_first - 1)
        yield start, end, found if here else NOTHING, other_found if there else NOTHING
        at = end + 1
        i += here and end == last
        j += there and end == other_last


def _joined(pieces: Iterable[Piece]) -> Region:
    found: list[Piece] = []
    for start, end, reached in pieces:
        if not reached:
            continue
        if found and found[-1][1] + 1 == start and found[-1][2] == reached:
            found[-1] = (found[-1][0], end, reached)
        else:
            found.append((start, end, reached))
    return Region(tuple(found))


def _space() -> Region:
    """Every flow there can be: ICMP is of IPv4 alone, ICMPv6 of IPv6."""
    stretches: list[tuple[int, int, AddressSet]] = [
        (0, services.ICMP, EVERYTHING),
        (services.ICMP, services.ICMP + 1, AddressSet(v4=EVERYTHING.v4)),
        (services.ICMP + 1, services.ICMPV6, EVERYTHING),
        (services.ICMPV6, services.ICMPV6 + 1, AddressSet(v6=EVERYTHING.v6)),
        (services.ICMPV6 + 1, 256, EVERYTHING),
    ]
    return Region(tuple((first * PORTS, last * PORTS - 1, found) for first, last, found in stretches))


SPACE = _space()
Combine = Callable[[Region, Region], Region]
