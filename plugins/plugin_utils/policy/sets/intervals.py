# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of integers as sorted, disjoint, non-adjacent closed intervals.

Addresses, ports and protocols are all integers on a line, so one small algebra serves them all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]

EMPTY: Intervals = ()
_FEW = 16


def normalise(pairs: Iterable[Interval]) -> Intervals:
    """Sort, and join what overlaps or touches. Every pair must have start <= end.

    What stays as it is remains the same object, here and in the other functions: a policy has many sets of the same
    few intervals, and references take a tenth of the memory.
    """
    joined: list[Interval] = []
    last = -2
    for pair in sorted(pairs):
        if pair[0] > last + 1 or not joined:
            joined.append(pair)
            last = pair[1]
        elif pair[1] > last:
            last = pair[1]
            joined[-1] = (joined[-1][0], last)
    return tuple(joined)


def union(left: Intervals, right: Intervals) -> Intervals:
    """Return everything that is in at least one of the two."""
    if not left or not right:
        return left or right
    return normalise(left + right)


def intersect(left: Intervals, right: Intervals) -> Intervals:
    """Return everything that is in both."""
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        ours, theirs = left[i], right[j]
        start, end = max(ours[0], theirs[0]), min(ours[1], theirs[1])
        if start <= end:
            common.append(ours if (start, end) == ours else theirs if (start, end) == theirs else (start, end))
        if ours[1] < theirs[1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def subtract(left: Intervals, right: Intervals) -> Intervals:
    """Return everything of left that is not in right."""
    if min(len(left), len(right)) > _FEW:
        # Large sets that are compared mostly have most intervals in common. An interval in both meets no other.
        ours, theirs = frozenset(left), frozenset(right)
        left = tuple(pair for pair in left if pair not in theirs)
        right = tuple(pair for pair in right if pair not in ours)
    rest: list[Interval] = []
    j = 0
    for pair in left:
        start, end = pair
        while j < len(right) and right[j][1] < start:
            j += 1
        if j == len(right) or right[j][0] > end:
            rest.append(pair)
            continue
        k = j
        while k < len(right) and right[k][0] <= end:
            if right[k][0] > start:
                rest.append((start, right[k][0] - 1))
            start = right[k][1] + 1
            k += 1
        if start <= end:
            rest.append((start, end))
    return tuple(rest)


def contains(intervals: Intervals, value: int) -> bool:
    """Tell whether the value is in the set; logarithmic in the number of intervals."""
    at = bisect_right(intervals, (value, float("inf"))) - 1
    return at >= 0 and intervals[at][1] >= value


def size(intervals: Intervals) -> int:
    """Return how many integers are in the set."""
    return sum(end - start + 1 for start, end in intervals)


def prefixes(start: int, end: int, bits: int) -> list[tuple[int, int]]:
    """Return the fewest (address, prefix length) pairs that together are start to end, in order."""
    networks: list[tuple[int, int]] = []
    while start <= end:
        free = (start & -start).bit_length() - 1 if start else bits
        fits = (end - start + 1).bit_length() - 1
        host_bits = min(free, fits)
        networks.append((start, bits - host_bits))
        start += 1 << host_bits
    return networks
