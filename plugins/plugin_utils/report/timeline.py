# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was rejected for the first time, over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .totals import ALLOWED, DAY, HOUR, Totals

MOST_BUCKETS = 14 * 24
"""Points of a line: two weeks of hours. Longer times have longer buckets."""
LONGEST = 31 * DAY
"""Seconds that the timeline reaches back: as long as a ledger keeps flows by default."""


@dataclass(frozen=True)
class Timeline:
    """Counts by buckets of time. start, step: seconds; flows, new: for each bucket.

    new: destinations. before: flows first noticed before start, or at a time that nobody knows.
    """

    start: int
    step: int
    flows: list[int]
    new: list[int]
    before: int

    def bucket(self, moment: float) -> int:
        """Return the number of the bucket that holds a time; the nearest one for a time outside."""
        return min(max(int(moment - self.start) // self.step, 0), len(self.flows) - 1)

    def days(self) -> list[tuple[int, int, int]]:
        """Return for each day its beginning, flows and new destinations."""
        flows, new = Counter[int](), Counter[int]()
        for number, (one, other) in enumerate(zip(self.flows, self.new, strict=True)):
            moment = (self.start + number * self.step) // DAY * DAY
            flows[moment] += one
            new[moment] += other
        return [(moment, flows[moment], new[moment]) for moment in sorted(flows)]


def timeline(totals: Totals) -> Timeline:
    """Return when flows and destinations that are not allowed were noticed for the first time."""
    times = [first for _tier, first in totals.seen if first >= totals.end - LONGEST]
    first = min(times, default=totals.end - DAY)
    start = min(first, totals.end - DAY) // HOUR * HOUR
    step = HOUR * max(1, -(-(totals.end - start) // (MOST_BUCKETS * HOUR)))
    size = (totals.end - start) // step + 1
    line = Timeline(start, step, [0] * size, [0] * size, 0)
    before = 0
    for (_tier, moment), number in totals.seen.items():
        if moment < start:
            before += number
        else:
            line.flows[line.bucket(moment)] += number
    for moment in first_noticed(totals).values():
        if moment >= start:
            line.new[line.bucket(moment)] += 1
    return Timeline(start, step, line.flows, line.new, before)


def first_noticed(totals: Totals) -> dict[tuple[str, str, str], int]:
    """Return when each (tier, destination, service) that is not allowed was first noticed."""
    first: dict[tuple[str, str, str], int] = {}
    for (tier, destination, service, decision), group in totals.groups.items():
        if decision != ALLOWED:
            key = (tier, destination, service)
            first[key] = min(first.get(key, group.first), group.first)
    return first
