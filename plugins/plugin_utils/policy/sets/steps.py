# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (socket, protocol, port, destination address): a step function along the line of addresses onto cells.

Nothing is sampled, and each set has exactly one form, so that equality is equality. IPv6 follows IPv4 on the line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import and_, or_
from typing import Self, TypeVar

from . import cells, services
from .addresses import BITS, AddressSet
from .cells import ALL, EMPTY, Cell, Operation
from .services import ServiceSet
from .units import Who

Box = tuple[AddressSet, ServiceSet, Who]
"""Every combination of these addresses, services and users; the users as in `cells`."""
OFFSETS = {4: 0, 6: 1 << BITS[4]}
"""Where the addresses of an IP version begin on the line."""
_ENDS = {version: offset + (1 << BITS[version]) for version, offset in OFFSETS.items()}
_END = _ENDS[6]
# ICMP belongs to IPv4 only, ICMPv6 to IPv6.
_FAMILIES = {
    4: services.ANY - services.of_protocol(services.ICMPV6),
    6: services.ANY - services.of_protocol(services.ICMP),
}

_Line = tuple[int, int, Cell]
"""From this place on the line of addresses to before that one: this cell."""
S = TypeVar("S", bound="Steps")


@dataclass(frozen=True)
class Steps:
    """A set of flows. Compare with ==, test for emptiness with bool().

    borders: where steps begin, and the end of the line. cells: what is open on each step; neighbours differ.
    """

    borders: tuple[int, ...] = (0, _END)
    cells: tuple[Cell, ...] = (EMPTY,)

    def __bool__(self) -> bool:
        return self.cells != (EMPTY,)

    def __or__(self, other: Steps) -> Self:
        return self._combined(or_, other)

    def __and__(self, other: Steps) -> Self:
        return self._combined(and_, other)

    def __sub__(self, other: Steps) -> Self:
        return self._combined(cells.without, other)

    def __le__(self, other: Steps) -> bool:
        """Tell whether everything of this is in the other."""
        return not self - other

    def _combined(self, operation: Operation, other: Steps) -> Self:
        if len(other.cells) > len(self.cells):
            return _combined(lambda left, right: operation(right, left), other, self).steps(type(self))
        return _combined(operation, self, other).steps(type(self))

    @classmethod
    def of(cls, boxes: Iterable[Box]) -> Self:
        """Return the union of boxes."""
        memo: cells.Memo = {}
        by_addresses: dict[AddressSet, list[tuple[ServiceSet, Who]]] = {}
        for reached, spoken, users in boxes:
            by_addresses.setdefault(reached, []).append((spoken, users))
        lines: list[_Line] = []
        for reached, together in by_addresses.items():
            for version, offset in OFFSETS.items():
                if family := reached.family(version):
                    cell = EMPTY
                    for spoken, users in together:
                        own = cells.of_line((spoken & _FAMILIES[version]).line, cells.leaf(users))
                        cell = cells.combined(or_, cell, own, memo)
                    lines += [(start + offset, end + offset + 1, cell) for start, end in family]
        return _swept(lines, memo).steps(cls)

    def mapped(self, kind: type[S], change: Callable[[Who], Who]) -> S:
        """Return the set with other users of each flow."""
        made, memo = _Made(), dict[Cell, Cell]()
        for start, cell in zip(self.borders[:-1], self.cells, strict=True):
            made.add(start, cells.mapped(cell, change, memo))
        return made.steps(kind)

    def cell(self, version: int, value: int) -> Cell:
        """Return what is open at an address."""
        return self.cells[bisect_right(self.borders, OFFSETS[version] + value) - 1]

    def parts(self) -> Iterator[tuple[int, int, int, Cell]]:
        """Yield (IP version, first address, last address, cell) of each step that is not empty, in order."""
        for (start, after), cell in zip(pairwise(self.borders), self.cells, strict=True):
            if cell != EMPTY:
                for version, offset in OFFSETS.items():
                    first, last = max(start, offset), min(after, _ENDS[version]) - 1
                    if first <= last:
                        yield version, first - offset, last - offset, cell


class _Made:
    """Steps in the making: neighbours that do not differ become one."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._cells: list[Cell] = []

    def add(self, start: int, cell: Cell) -> None:
        """Add a step."""
        if not self._cells or self._cells[-1] != cell:
            self._starts.append(start)
            self._cells.append(cell)

    def add_all(self, starts: Sequence[int], cells: Sequence[Cell]) -> None:
        """Add several steps, of which each differs from the one before it."""
        self.add(starts[0], cells[0])
        self._starts += starts[1:]
        self._cells += cells[1:]

    def steps(self, kind: type[S]) -> S:
        """Return the set."""
        return kind((*self._starts, _END), tuple(self._cells))


def _combined(operation: Operation, many: Steps, few: Steps) -> _Made:
    """Return what an operation makes of two sets, in time that follows the steps of the second."""
    made = _Made()
    memo: cells.Memo = {}
    for (start, after), cell in zip(pairwise(few.borders), few.cells, strict=True):
        first, last = bisect_right(many.borders, start), bisect_left(many.borders, after)
        starts, parts = (start, *many.borders[first:last]), many.cells[first - 1 : last]
        # What becomes of nothing and of all: where that is all the same, or each stays, no part needs a look.
        ends = [cells.combined(operation, part, cell, memo) for part in (EMPTY, ALL)] if cell < 0 else []
        if ends == [EMPTY, ALL]:
            made.add_all(starts, parts)
        elif ends and ends[0] == ends[1]:
            made.add(start, ends[0])
        else:
            for place, part in zip(starts, parts, strict=True):
                made.add(place, cells.combined(operation, part, cell, memo))
    return made


def _swept(lines: Sequence[_Line], memo: cells.Memo) -> _Made:
    """Return the union of lines.

    A segment tree: a line becomes the few ranges of steps, of a power of two each, that it consists of, and each step
    is what the ranges around it have in common with it. So a line that covers many steps is added to few.
    """
    starts = sorted(
        {0, *(start for start, _after, _cell in lines), *(after for _start, after, _cell in lines)} - {_END}
    )
    places = {start: place for place, start in enumerate(starts, start=len(starts))}
    places[_END] = 2 * len(starts)
    tree: list[Cell] = [EMPTY] * (2 * len(starts))
    for start, after, cell in lines:
        first, last = places[start], places[after]
        while first < last:
            if first & 1:
                tree[first] = cells.combined(or_, tree[first], cell, memo)
                first += 1
            if last & 1:
                last -= 1
                tree[last] = cells.combined(or_, tree[last], cell, memo)
            first //= 2
            last //= 2
    for place in range(1, len(starts)):
        if tree[place] != EMPTY:
            for half in (2 * place, 2 * place + 1):
                tree[half] = cells.combined(or_, tree[half], tree[place], memo)
    made = _Made()
    for start, cell in zip(starts, tree[len(starts) :], strict=True):
        made.add(start, cell)
    return made
