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
Pair = tuple[AddressSet, ServiceSet]
"""Every combination of these addresses and these services."""
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
        """Tell whether everything of this region is in the other."""
        return not self - other

    def at(self, protocol: int, port: int) -> AddressSet:
        """Return the addresses that are reached with one service; port 0 where the protocol has none."""
        place = protocol * PORTS + port
        return next((reached for start, end, reached in self.pieces if start <= place <= end), NOTHING)

    def contains(self, protocol: int, port: int, address: str) -> bool:
        """Tell whether one flow is in the region. Raise AddressError for a text that is not an address."""
        return address in self.at(protocol, port)

    def boxes(self) -> list[Pair]:
        """Return the region as few pairs, every combination of each; no two have the same addresses."""
        lines: dict[AddressSet, list[tuple[int, int]]] = {}
        for start, end, reached in self.pieces:
            lines.setdefault(reached, []).append((start, end))
        return [(reached, ServiceSet(tuple(line))) for reached, line in lines.items()]

    def addresses(self) -> AddressSet:
        """Return every address that is reached with any service."""
        return addresses.union(reached for _start, _end, reached in self.pieces)

    def witness(self) -> tuple[str, str]:
        """Return (address, service) of the smallest flow: the lowest address, IPv4 first, and its lowest service.

        The region must not be empty. A service is written as a policy writes it: `tcp/22`, `icmp`, `proto/112`.
        """
        version = 4 if any(reached.v4 for _start, _end, reached in self.pieces) else 6
        lowest, place = min(
            (reached.family(version)[0][0], start) for start, _end, reached in self.pieces if reached.family(version)
        )
        return addresses.to_text(version, lowest), ServiceSet(((place, place),)).first()


EMPTY = Region()


def of_boxes(boxes: Iterable[Pair]) -> Region:
    """Return the union of pairs, every combination of each, in one pass over the services."""
    sets: list[AddressSet] = []
    changes: dict[int, list[int]] = {}
    clip = False
    for number, (reached, allowed) in enumerate(boxes):
        sets.append(reached)
        for start, end in allowed.line:
            clip = clip or any(start < (icmp + 1) * PORTS and end >= icmp * PORTS for icmp in _OF_ONE_FAMILY)
            changes.setdefault(start, []).append(number)
            changes.setdefault(end + 1, []).append(~number)
    region = _joined(_sweep(sets, changes))
    return region & SPACE if clip else region


def _sweep(sets: list[AddressSet], changes: dict[int, list[int]]) -> Iterator[Piece]:
    # The services of most entries are a few that all share, so the same sets meet again and again.
    known: dict[frozenset[int], AddressSet] = {}
    active: set[int] = set()
    before = 0
    for place in sorted(changes):
        if active:
            key = frozenset(active)
            if key not in known:
                known[key] = sets[min(key)] if len(key) == 1 else addresses.union(sets[number] for number in key)
            yield before, place - 1, known[key]
        for number in changes[place]:
            if number >= 0:
                active.add(number)
        for number in changes[place]:
            if number < 0:
                active.discard(~number)
        before = place


def _both(left: Region, right: Region) -> Iterator[tuple[int, int, AddressSet, AddressSet]]:
    """Yield every stretch of the line on which neither region changes and at least one has something."""
    ours, theirs = left.pieces, right.pieces
    i = j = at = 0
    while i < len(ours) or j < len(theirs):
        first, last, reached = ours[i] if i < len(ours) else (_END, _END, NOTHING)
        other_first, other_last, other_reached = theirs[j] if j < len(theirs) else (_END, _END, NOTHING)
        start = max(at, min(first, other_first))
        here, there = first <= start, other_first <= start
        end = min(last if here else first - 1, other_last if there else other_first - 1)
        yield start, end, reached if here else NOTHING, other_reached if there else NOTHING
        at = end + 1
        i += here and end == last
        j += there and end == other_last


def _joined(pieces: Iterable[Piece]) -> Region:
    joined: list[Piece] = []
    for start, end, reached in pieces:
        if not reached:
            continue
        if joined and joined[-1][1] + 1 == start and joined[-1][2] == reached:
            joined[-1] = (joined[-1][0], end, reached)
        else:
            joined.append((start, end, reached))
    return Region(tuple(joined))


def _space() -> Region:
    """Return every flow there can be: ICMP belongs to IPv4 only, ICMPv6 to IPv6."""
    stretches: list[tuple[int, int, AddressSet]] = [
        (0, services.ICMP, EVERYTHING),
        (services.ICMP, services.ICMP + 1, AddressSet(v4=EVERYTHING.v4)),
        (services.ICMP + 1, services.ICMPV6, EVERYTHING),
        (services.ICMPV6, services.ICMPV6 + 1, AddressSet(v6=EVERYTHING.v6)),
        (services.ICMPV6 + 1, 256, EVERYTHING),
    ]
    return Region(tuple((first * PORTS, last * PORTS - 1, reached) for first, last, reached in stretches))


SPACE = _space()
Combine = Callable[[Region, Region], Region]
