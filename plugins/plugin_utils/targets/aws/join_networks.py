# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins neighbouring networks of several groups, the cheapest first, until few enough are left.

Two neighbours are joined to the smallest network around both. These networks of a group are the inner nodes of the tree
of its common prefixes, so a join changes one node, ends those below it, and makes those above it cheaper.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Interval, Intervals

Step = tuple[int, int, int, int, int]
"""Additional addresses, number of the group, first and last address, number of the node."""


@dataclass(frozen=True)
class Joinable:
    """The networks of a group in one IP version.

    networks: (first, last address), sorted and disjoint. may_touch: a join must touch some of it. closed: it must touch
    none of it.
    """

    networks: Sequence[Interval]
    may_touch: Intervals
    closed: Intervals


def join(groups: Sequence[Joinable], limit: int) -> list[Intervals]:
    """Return the networks by which each group grows, so that all together have at most `limit` networks, if they can.

    Each step opens the fewest additional addresses; of several that open as many, it is the first one's.
    """
    trees = [_PrefixTree(group.networks) for group in groups]
    heap: list[Step] = []
    for number, (group, tree) in enumerate(zip(groups, trees, strict=True)):
        heap += [tree.step(number, node) for node in range(len(tree.parents)) if _permitted(group, tree.range_of(node))]
    permitted = {(step[1], step[4]) for step in heap}
    heapq.heapify(heap)
    joined: list[list[Interval]] = [[] for _group in groups]
    count = sum(len(group.networks) for group in groups)
    while count > limit and heap:
        step = heapq.heappop(heap)
        _cost, number, first, last, node = step
        tree = trees[number]
        if not tree.alive[node] or tree.step(number, node) != step:
            continue
        joined[number].append((first, last))
        ended, cheaper = tree.join(node)
        count -= ended
        for each in cheaper:
            if (number, each) in permitted:
                heapq.heappush(heap, tree.step(number, each))
    return [intervals.normalise(networks) for networks in joined]


def _permitted(group: Joinable, network: Interval) -> bool:
    return _overlaps(group.may_touch, network) and not _overlaps(group.closed, network)


def _overlaps(members: Intervals, network: Interval) -> bool:
    at = bisect_right(members, network[1], key=lambda interval: interval[0]) - 1
    return at >= 0 and members[at][1] >= network[0]


class _PrefixTree:
    """The smallest networks around each two neighbours, by the place of the first neighbour.

    parents: the node above each, -1 for none. alive: nodes that are not yet part of one network.
    """

    def __init__(self, networks: Sequence[Interval]) -> None:
        starts = [first for first, _last in networks]
        self._bits = [(low ^ high).bit_length() for low, high in pairwise(starts)]
        self._starts = [low >> bits << bits for low, bits in zip(starts, self._bits, strict=False)]
        self.alive = [True] * len(self._bits)
        self.parents = [-1] * len(self._bits)
        before = self._nearest_wider(range(len(self._bits)))
        after = self._nearest_wider(range(len(self._bits) - 1, -1, -1))
        sums = [0, *accumulate(last - first + 1 for first, last in networks)]
        self._covered: list[int] = []
        self._below: list[list[int]] = [[] for _node in self._bits]
        for node, (left, right) in enumerate(zip(before, after, strict=True)):
            above = [each for each in (left, right) if each >= 0]
            if above:
                self.parents[node] = min(above, key=self._bits.__getitem__)
                self._below[self.parents[node]].append(node)
            self._covered.append(sums[(right if right >= 0 else len(self._bits)) + 1] - sums[left + 1])

    def _nearest_wider(self, nodes: range) -> list[int]:
        """Return for each node the last one before it, in this order of nodes, that is wider; -1 for none."""
        nearest, wider = [-1] * len(nodes), list[int]()
        for node in nodes:
            while wider and self._bits[wider[-1]] < self._bits[node]:
                wider.pop()
            nearest[node] = wider[-1] if wider else -1
            wider.append(node)
        return nearest

    def range_of(self, node: int) -> Interval:
        """Return the first and the last address of a node's network."""
        return self._starts[node], self._starts[node] + (1 << self._bits[node]) - 1

    def step(self, number: int, node: int) -> Step:
        """Return what it is to join a node of the group with this number."""
        return ((1 << self._bits[node]) - self._covered[node], number, *self.range_of(node), node)

    def join(self, node: int) -> tuple[int, list[int]]:
        """Join all below a node. Return (how many networks fewer there are, the nodes that became cheaper)."""
        gain = (1 << self._bits[node]) - self._covered[node]
        ended, ending = 0, [node]
        while ending:
            each = ending.pop()
            if self.alive[each]:
                self.alive[each] = False
                ended += 1
                ending += self._below[each]
        cheaper, full = list[int](), True
        above = self.parents[node]
        while above >= 0:
            self._covered[above] += gain
            # Two full halves are one network without a join.
            full = full and self._covered[above] == 1 << self._bits[above]
            if full:
                self.alive[above] = False
                ended += 1
            else:
                cheaper.append(above)
            above = self.parents[above]
        return ended, cheaper
