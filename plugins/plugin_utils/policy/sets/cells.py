# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (service, user): what is open at one address. Equal sets are one number, and sets that are alike share parts.

A cell is a decision diagram: the halves of the line of services, halved again where anything differs in them. A policy
in which ranges of ports overlap in every way needs a few dozen parts for each range, not one for each combination.

The users of a service are a number with a bit for each user that has a name, as `reach` deals them out, and with its
sign for all others, so that and, or, not of Python's own integers are the algebra of users. Where units are told apart,
it is such a number for each, see `units`, with the same operators.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from .intervals import Interval, Intervals
from .services import PORTS
from .units import Who

LINE = 256 * PORTS
"""The length of the line of services, a power of two."""
NOBODY, EVERYBODY = 0, -1
Cell = int
"""The place of a fork in `_lower` and `_upper`; below zero, ~ the place in `_users` of those who have all of a stretch.

Numbers in lists rather than objects, which Python's garbage collector would look at again and again. They last as long
as the process, which is one task of Ansible's.
"""
Operation = Callable[[Who, Who], Who]
"""On the users of one service; bit by bit, as all that and, or, not are made of."""
Memo = dict[int, Cell]

_lower: list[Cell] = []
_upper: list[Cell] = []
_forks: dict[int, Cell] = {}
_users: list[Who] = [NOBODY, EVERYBODY]
_leaves: dict[Who, Cell] = {NOBODY: ~0, EVERYBODY: ~1}
EMPTY, ALL = ~0, ~1


def leaf(users: Who) -> Cell:
    """Return the cell in which these users have every service."""
    cell = _leaves.get(users)
    if cell is None:
        cell = _leaves[users] = ~len(_users)
        _users.append(users)
    return cell


def _fork(lower: Cell, upper: Cell) -> Cell:
    """Return the cell of two halves; a fork, too, where both are the same fork, for each level halves the one above."""
    if lower == upper and lower < 0:
        return lower
    key = (lower << 32) + upper
    cell = _forks.get(key)
    if cell is None:
        cell = _forks[key] = len(_lower)
        _lower.append(lower)
        _upper.append(upper)
    return cell


def without(left: Who, right: Who) -> Who:
    """Return the users of left who are not in right."""
    return left & ~right


def of_line(line: Intervals, users: Cell, start: int = 0, length: int = LINE) -> Cell:
    """Return the cell of these services, each for these users. start, length: of the stretch that they are in."""
    if not line:
        return EMPTY
    if line[0][0] <= start and line[0][1] >= start + length - 1:
        return users
    half = length // 2
    middle = start + half
    place = bisect_left(line, (middle,))
    first_upper = place - 1 if place and line[place - 1][1] >= middle else place
    return _fork(of_line(line[:place], users, start, half), of_line(line[first_upper:], users, middle, half))


def combined(operation: Operation, left: Cell, right: Cell, memo: Memo) -> Cell:
    """Return what an operation makes of two cells. memo: of earlier calls with the same operation."""
    if left < 0:
        users = _users[~left]
        if right < 0:
            return leaf(operation(users, _users[~right]))
        low, high = operation(users, NOBODY), operation(users, EVERYBODY)
        if low == high:
            return leaf(low)
        if low == NOBODY and high == EVERYBODY:
            return right
    elif right < 0:
        users = _users[~right]
        low, high = operation(NOBODY, users), operation(EVERYBODY, users)
        if low == high:
            return leaf(low)
        if low == NOBODY and high == EVERYBODY:
            return left
    key = (left << 32) + right
    cell = memo.get(key)
    if cell is None:
        cell = memo[key] = _fork(
            combined(operation, _lower[left] if left >= 0 else left, _lower[right] if right >= 0 else right, memo),
            combined(operation, _upper[left] if left >= 0 else left, _upper[right] if right >= 0 else right, memo),
        )
    return cell


def mapped(cell: Cell, change: Callable[[Who], Who], memo: dict[Cell, Cell]) -> Cell:
    """Return a cell with other users of each service. memo: of earlier calls with the same change."""
    if cell < 0:
        return leaf(change(_users[~cell]))
    other = memo.get(cell)
    if other is None:
        other = memo[cell] = _fork(mapped(_lower[cell], change, memo), mapped(_upper[cell], change, memo))
    return other


def users(cells: Iterable[Cell]) -> set[Who]:
    """Return the users of each service of cells."""
    known: set[Cell] = set()
    left = list(cells)
    while left:
        cell = left.pop()
        if cell not in known:
            known.add(cell)
            if cell >= 0:
                left += (_lower[cell], _upper[cell])
    return {_users[~cell] for cell in known if cell < 0}


def at(cell: Cell, place: int) -> Who:
    """Return the users of the service at a place of the line."""
    length = LINE
    while cell >= 0:
        length //= 2
        cell = _upper[cell] if place & length else _lower[cell]
    return _users[~cell]


def line(cell: Cell) -> Intervals:
    """Return the services that anybody uses."""
    collected: list[Interval] = []
    _collect(cell, 0, LINE, collected)
    return tuple(collected)


def _collect(cell: Cell, start: int, length: int, collected: list[Interval]) -> None:
    if cell >= 0:
        half = length // 2
        _collect(_lower[cell], start, half, collected)
        _collect(_upper[cell], start + half, half, collected)
    elif cell != EMPTY:
        end = start + length - 1
        if collected and collected[-1][1] + 1 == start:
            start = collected.pop()[0]
        collected.append((start, end))
