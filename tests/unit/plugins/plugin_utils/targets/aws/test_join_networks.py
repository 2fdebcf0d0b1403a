# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining of networks: the same steps as trying all neighbours each time, in little more than linear time."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Interval, Intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.aws.join_networks import Joinable, join
from ansible_collections.tidegate.nftables.tests.support.growth import growth

BITS = 6
members = st.lists(st.tuples(st.integers(0, 63), st.integers(0, 6)), max_size=12).map(
    lambda pairs: intervals.normalise((first, min(first + more, 63)) for first, more in pairs)
)


def networks(held: Intervals) -> list[Interval]:
    pairs = [pair for first, last in held for pair in intervals.prefixes(first, last, BITS)]
    return [(first, first + (1 << (BITS - length)) - 1) for first, length in pairs]


def one_by_one(groups: list[tuple[Intervals, Intervals, Intervals]], limit: int) -> list[Intervals]:
    """Return what each group has after joins that compare all neighbours of all groups for each step."""
    held = [group[0] for group in groups]
    while sum(len(networks(each)) for each in held) > limit:
        steps = []
        for number, (_own, may_touch, closed) in enumerate(groups):
            for (low, _end), (high, _last) in pairwise(networks(held[number])):
                bits = (low ^ high).bit_length()
                around = (low >> bits << bits, (low >> bits << bits) + (1 << bits) - 1)
                missing = intervals.subtract((around,), held[number])
                if intervals.intersect(may_touch, (around,)) and not intervals.intersect(closed, missing):
                    steps.append((intervals.size(missing), number, *around))
        if not steps:
            break
        _cost, number, first, last = min(steps)
        held[number] = intervals.union(held[number], ((first, last),))
    return held


@settings(deadline=None)
@given(st.lists(st.tuples(members, members, members), min_size=1, max_size=3), st.integers(0, 12))
def test_the_joins_are_those_of_comparing_all_neighbours(
    groups: list[tuple[Intervals, Intervals, Intervals]], limit: int
) -> None:
    joinable = [Joinable(networks(own), touch, intervals.subtract(closed, own)) for own, touch, closed in groups]
    more = join(joinable, limit)
    assert [
        intervals.union(own, grown) for (own, _touch, _closed), grown in zip(groups, more, strict=True)
    ] == one_by_one(groups, limit)


def scattered(count: int) -> Joinable:
    starts = random.Random(20261130).sample(range(1 << 22), count)
    held = intervals.normalise((start << 8, (start << 8) + 127) for start in starts)
    return Joinable(list(held), held, ())


def test_the_time_of_joining_grows_little_more_than_the_networks() -> None:
    assert growth(scattered, lambda group: join([group], 60), 1000, limit=8) < 8
