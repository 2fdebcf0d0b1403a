# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interval algebra against Python's own sets."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals

BITS = 6
PAIRS = st.lists(st.tuples(st.integers(0, 2**BITS - 1), st.integers(0, 2**BITS - 1)), max_size=8)
SETS = PAIRS.map(lambda pairs: intervals.normalise((min(pair), max(pair)) for pair in pairs))


def plain(normalised: Intervals) -> set[int]:
    return {value for start, end in normalised for value in range(start, end + 1)}


def is_normal(normalised: Intervals) -> bool:
    return all(start <= end for start, end in normalised) and all(
        left[1] + 1 < right[0] for left, right in itertools.pairwise(normalised)
    )


@given(PAIRS)
def test_normalise_keeps_every_value_and_joins_what_touches(pairs: list[tuple[int, int]]) -> None:
    ordered = [(min(pair), max(pair)) for pair in pairs]
    normalised = intervals.normalise(ordered)
    assert plain(normalised) == plain(tuple(ordered))
    assert is_normal(normalised)


@given(SETS, SETS)
def test_union_intersection_and_difference_are_those_of_sets(left: Intervals, right: Intervals) -> None:
    for normalised, expected in (
        (intervals.union(left, right), plain(left) | plain(right)),
        (intervals.intersect(left, right), plain(left) & plain(right)),
        (intervals.subtract(left, right), plain(left) - plain(right)),
    ):
        assert plain(normalised) == expected
        assert is_normal(normalised)


LARGE = st.lists(st.integers(0, 120), min_size=20, max_size=40, unique=True)


@settings(deadline=None)
@given(LARGE, LARGE, st.sets(st.integers(0, 120)))
def test_the_difference_of_large_sets_is_that_of_sets(left: list[int], right: list[int], wide: set[int]) -> None:
    one = intervals.normalise((3 * place, 3 * place) for place in left)
    other = intervals.normalise((3 * place, 3 * place + (2 if place in wide else 0)) for place in right)
    for minuend, subtrahend in ((one, other), (other, one)):
        normalised = intervals.subtract(minuend, subtrahend)
        assert plain(normalised) == plain(minuend) - plain(subtrahend)
        assert is_normal(normalised)


def test_intervals_that_stay_as_they_are_take_no_memory_again() -> None:
    left = intervals.normalise((10 * place, 10 * place + 5) for place in range(50))
    right = intervals.normalise((10 * place, 10 * place + 5) for place in range(50, 100))
    known = {id(pair) for pair in left + right}
    wider = ((0, 2000),)
    for kept in (intervals.union(left, right), intervals.subtract(left, right), intervals.intersect(left, wider)):
        assert kept
        assert {id(pair) for pair in kept} <= known


@given(SETS, st.integers(0, 2**BITS))
def test_contains_and_size_are_those_of_sets(normalised: Intervals, value: int) -> None:
    assert intervals.contains(normalised, value) == (value in plain(normalised))
    assert intervals.size(normalised) == len(plain(normalised))


@given(st.tuples(st.integers(0, 2**BITS - 1), st.integers(0, 2**BITS - 1)))
def test_prefixes_are_aligned_and_cover_the_interval_once(pair: tuple[int, int]) -> None:
    start, end = min(pair), max(pair)
    covered: list[int] = []
    for address, length in intervals.prefixes(start, end, BITS):
        size = 2 ** (BITS - length)
        assert address % size == 0
        covered.extend(range(address, address + size))
    assert covered == list(range(start, end + 1))
