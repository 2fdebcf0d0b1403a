# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds entries that open nothing of their own: another entry opens all of it, or egress_never closes it.

To compare each entry with each other one would take minutes for thousands of entries. Whatever contains all of an entry
contains its first address, its first service and its first user, so indexes of these yield the few to compare.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Sender
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box, minus
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals


class _Kind(NamedTuple):
    """Everything of an entry but its name and texts: entries that are alike in it open the same as long.

    category: "base", "tier" or "". grants: what it certainly opens; may: what it may ever open.
    """

    category: str
    grants: tuple[Grant, ...]
    may: tuple[Grant, ...]
    users: tuple[str, ...] | None
    units: tuple[str, ...] | None
    expires: dt.date | None
    for_: tuple[Sender, ...]

    @property
    def first_address(self) -> int:
        """The lowest address of the first grant, in the numbering of `_line`."""
        return _line(self.may[0])[0][0]

    @property
    def first_service(self) -> int:
        """The lowest service of the first grant, on the line of services."""
        return self.may[0].services.line[0][0]

    def holds_for(self, other: _Kind) -> bool:
        """Tell whether it lasts as long as another, and for all of its users, units and senders."""
        lasts = self.expires is None or (other.expires is not None and other.expires <= self.expires)
        everybody = self.users is None or (other.users is not None and set(other.users) <= set(self.users))
        return lasts and everybody and self._has_units_of(other) and set(other.for_) <= set(self.for_)

    def _has_units_of(self, other: _Kind) -> bool:
        if self.units is None or other.units is None:
            return self.units is None
        return all(any(unit_names.is_part(unit, own) for own in self.units) for unit in other.units)


class _Points:
    """An index of interval sets: which of them contain one of the points that are known from the beginning.

    A segment tree: an interval becomes the few ranges of points, of a power of two each, that it consists of.
    """

    def __init__(self, points: Iterable[int]) -> None:
        self._points = sorted(set(points))
        self._bits = len(self._points).bit_length()
        self._nodes: dict[tuple[int, int], list[int]] = defaultdict(list)

    def add(self, number: int, members: Intervals) -> None:
        """Add a set under its number."""
        for first, last in self._ranges(members):
            for start, length in intervals.prefixes(first, last, self._bits):
                self._nodes[length, start >> (self._bits - length)].append(number)

    def _ranges(self, members: Intervals) -> Iterator[tuple[int, int]]:
        """Yield the points in a set as ranges of their places."""
        if len(members) > len(self._points):
            yield from (
                (place, place) for place, point in enumerate(self._points) if intervals.contains(members, point)
            )
            return
        for start, end in members:
            first, last = bisect_left(self._points, start), bisect_right(self._points, end) - 1
            if first <= last:
                yield first, last

    def containing(self, point: int) -> list[list[int]]:
        """Return the numbers of the sets that contain a point, in several lists."""
        place = bisect_left(self._points, point)
        nodes = ((length, place >> (self._bits - length)) for length in range(self._bits + 1))
        return [self._nodes[node] for node in nodes if node in self._nodes]


class _Members:
    """The entries of one kind, by their places in the order of all entries.

    first: the place of the first one.
    """

    def __init__(self) -> None:
        self.first = -1
        self._smaller: list[tuple[int, str]] = []

    def add(self, place: int, name: str) -> None:
        """Add the next entry."""
        if self.first < 0:
            self.first = place
        if not self._smaller or name < self._smaller[-1][1]:
            self._smaller.append((place, name))

    def before(self, name: str) -> int:
        """Return the place of the first entry whose name sorts before another; -1 when there is none.

        Only an entry whose name sorts before those of all earlier ones can be it, and their names descend.
        """
        later = bisect_left(self._smaller, 1, key=lambda member: member[1] < name)
        return self._smaller[later][0] if later < len(self._smaller) else -1


def redundant(entries: Sequence[ResolvedEntry]) -> list[ResolvedEntry | None]:
    """Return for each entry the first one that opens all of it, for as long and for as many; None where there is none.

    Of two that open the same, only the one whose name sorts last is redundant. An entry of egress_allow_base is not
    redundant because of the tier's own: it is for every tier, and other tiers open less.
    """
    numbers: dict[_Kind, int] = {}
    kinds = [numbers.setdefault(_kind(entry), len(numbers)) for entry in entries]
    members = [_Members() for _number in numbers]
    for place, (entry, number) in enumerate(zip(entries, kinds, strict=True)):
        members[number].add(place, entry.name)
    covering = _Covering(list(numbers))
    covers = [covering.of(number) for number in range(len(numbers))]
    return [
        entries[place] if (place := _first(covers[number], members, entry.name)) >= 0 else None
        for entry, number in zip(entries, kinds, strict=True)
    ]


def _kind(entry: ResolvedEntry) -> _Kind:
    category = entry.kind if entry.kind in ("base", "tier") else ""
    return _Kind(category, entry.grants, entry.may, entry.users, entry.units, entry.expires, entry.for_)


def _first(covers: Sequence[tuple[int, bool]], members: Sequence[_Members], name: str) -> int:
    """Return the place of the first entry that makes the entry of this name redundant; -1 when there is none."""
    places = (members[number].before(name) if equal else members[number].first for number, equal in covers)
    return min((place for place in places if place >= 0), default=-1)


class _Covering:
    """Which kinds open all of another one; kinds are named by their place."""

    def __init__(self, kinds: Sequence[_Kind]) -> None:
        self._kinds = kinds
        self._addresses = _Points(kind.first_address for kind in kinds)
        self._services = _Points(kind.first_service for kind in kinds)
        self._users: dict[str | None, list[int]] = defaultdict(list)
        for number, kind in enumerate(kinds):
            for grant in kind.grants:
                self._addresses.add(number, _line(grant))
                self._services.add(number, grant.services.line)
            for user in (None,) if kind.users is None else kind.users:
                self._users[user].append(number)

    def of(self, number: int) -> list[tuple[int, bool]]:
        """Return the kinds that open all of one, each with whether that one opens all of it, too."""
        kind, covers = self._kinds[number], []
        for candidate in self._candidates(kind):
            other = self._kinds[candidate]
            if kind.category == "base" and other.category == "tier":
                continue
            if other.holds_for(kind) and covered(kind.may, other.grants):
                covers.append((candidate, kind.holds_for(other) and covered(other.may, kind.grants)))
        return covers

    def _candidates(self, kind: _Kind) -> set[int]:
        """Return the kinds of the index that yields the fewest."""
        users = [self._users.get(user, []) for user in (None, *(kind.users or ())[:1])]
        lists = min(
            self._addresses.containing(kind.first_address),
            self._services.containing(kind.first_service),
            users,
            key=lambda numbers: sum(map(len, numbers)),
        )
        return {number for numbers in lists for number in numbers}


def closed(entries: Sequence[ResolvedEntry], never: Sequence[ResolvedNever]) -> list[bool]:
    """Return for each entry whether one element of egress_never, with no socket excepted, closes all of it."""
    for_everybody = [each for each in never if not each.excepts]
    points = _Points(_line(entry.may[0])[0][0] for entry in entries)
    for number, each in enumerate(for_everybody):
        points.add(number, _line(each))
    return [
        any(
            covered(entry.may, [for_everybody[number]])
            for numbers in points.containing(_line(entry.may[0])[0][0])
            for number in numbers
        )
        for entry in entries
    ]


def covered(grants: Sequence[Grant], by: Sequence[Grant | ResolvedNever]) -> bool:
    """Tell whether everything that grants open is in others."""
    rest = [Box(grant.addresses, grant.services) for grant in grants]
    for other in by:
        rest = [piece for box in rest for piece in minus(box, Box(other.addresses, other.services))]
        if not rest:
            return True
    return not rest


def _line(grant: Grant | ResolvedNever) -> Intervals:
    """Return addresses as intervals of one line: IPv6 comes after all of IPv4."""
    offset = 1 << BITS[4]
    later = tuple((start + offset, end + offset) for start, end in grant.addresses.v6)
    return grant.addresses.v4 + later
