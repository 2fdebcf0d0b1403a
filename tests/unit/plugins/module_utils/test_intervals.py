# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interval arithmetic against sets of numbers, and texts against what nft reads and lists."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import Interval, IntervalSet

PAIRS = st.tuples(st.integers(0, 60), st.integers(0, 9))
INTERVALS = st.lists(PAIRS.map(lambda pair: (pair[0], sum(pair))), max_size=8)


def numbers(pairs: list[Interval]) -> set[int]:
    return {number for first, last in pairs for number in range(first, last + 1)}


@given(INTERVALS)
def test_merged_intervals_hold_the_same_numbers_in_as_few_as_possible(pairs: list[Interval]) -> None:
    merged = intervals.merged(pairs)
    assert numbers(merged) == numbers(pairs)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(merged))


@given(INTERVALS, INTERVALS)
def test_a_difference_has_the_numbers_that_only_the_first_has(left: list[Interval], right: list[Interval]) -> None:
    others = intervals.merged(right)
    for interval in left:
        assert numbers(intervals.outside(interval, others)) == numbers([interval]) - numbers(right)
    rest = IntervalSet(0, tuple(intervals.merged(left))).minus(IntervalSet(0, tuple(others)))
    assert numbers(list(rest.intervals)) == numbers(left) - numbers(right)


@given(INTERVALS)
def test_an_overlap_is_found_where_two_neighbours_share_a_number(pairs: list[Interval]) -> None:
    ordered = sorted(pairs)
    index = intervals.first_overlap([first for first, _last in ordered], [last for _first, last in ordered])
    if index is None:
        assert sum(last - first + 1 for first, last in pairs) == len(numbers(pairs))
    else:
        assert numbers([ordered[index]]) & numbers([ordered[index + 1]])


@pytest.mark.parametrize(
    ("text", "version", "interval"),
    [
        ("10.0.0.1", 4, (0x0A000001, 0x0A000001)),
        ("10.1.2.3/8", 4, (0x0A000000, 0x0AFFFFFF)),
        ("10.0.0.1 - 10.0.0.9", 4, (0x0A000001, 0x0A000009)),
        ("2001:DB8::/127", 6, (0x20010DB8 << 96, (0x20010DB8 << 96) + 1)),
        ("0.0.0.0/0", 4, (0, 2**32 - 1)),
        ("10.0.0.0/33", 4, None),
        ("10.0.0.0/", 4, None),
        ("10.0.0.0/+8", 4, None),
        ("10.0.0.0/٨", 4, None),
        ("10.0.0", 4, None),
        ("::1", 4, None),
        ("example.com", 4, None),
    ],
)
def test_addresses_networks_and_ranges_are_read(text: str, version: int, interval: Interval | None) -> None:
    assert intervals.parse_address(text, version) == interval


@pytest.mark.parametrize("text", ["10.0.0.0/010", "10.0.0.0/08", "10.0.0.0/00", "010.0.0.0/8"])
def test_a_leading_zero_is_not_read(text: str) -> None:
    """Nft reads 10.0.0.0/010 as 10.0.0.0/8, and 0.9.8 reads 10.0.0.0/08 as every address."""
    assert intervals.parse_address(text, 4) is None


@pytest.mark.parametrize(
    ("interval", "version", "text"),
    [
        ((80, 80), 0, "80"),
        ((80, 90), 0, "80-90"),
        ((0x0A000000, 0x0AFFFFFF), 4, "10.0.0.0/8"),
        ((0x0A000000, 0x0AFFFFFE), 4, "10.0.0.0-10.255.255.254"),
        ((0x0A000001, 0x0A000002), 4, "10.0.0.1-10.0.0.2"),
        ((1, 1), 6, "::1"),
        ((0, 2**128 - 1), 6, "::/0"),
    ],
)
def test_intervals_are_shown_as_nft_lists_them(interval: Interval, version: int, text: str) -> None:
    assert intervals.show(*interval, version) == text
    assert intervals.parse(text) == (version, interval)
