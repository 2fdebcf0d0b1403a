# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets as intervals, where they are plain addresses, networks, ranges or numbers."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import IntervalSet

from .model import NftElement


def union(elements: Iterable[NftElement]) -> IntervalSet | None:
    """Return the numbers of plain elements, None when an element has options or another kind of key."""
    ranges: list[intervals.Interval] = []
    versions = set()
    for element in elements:
        parsed = intervals.parse(element.key) if element.canon == element.key else None
        if parsed is None:
            return None
        versions.add(parsed[0])
        ranges.append(parsed[1])
    if len(versions) > 1:
        return None
    return IntervalSet(versions.pop() if versions else 0, tuple(intervals.merged(ranges)))


def covers(elements: Sequence[NftElement], key: str) -> str | None:
    """Return the key of an element that holds all of another key, None when none does or that is not known."""
    parsed = intervals.parse(key)
    if parsed is None:
        return None
    version, (first, last) = parsed
    for element in elements:
        other = intervals.parse(element.key)
        if other and other[0] == version and other[1][0] <= first and last <= other[1][1]:
            return element.key
    return None


def is_last(element: NftElement) -> bool:
    """Return whether a key is the last value that there is, as 255.255.255.255 and port 65535 are.

    The width of a number is not known here: 255 counts as the last one as well.
    """
    parsed = intervals.parse(element.key)
    return parsed is not None and parsed[1][0] == parsed[1][1] > 0 and parsed[1][0] & (parsed[1][0] + 1) == 0


def order(element: NftElement) -> tuple[int, int, int, str]:
    """Return the sort key of an element: addresses and numbers by value, others by their words."""
    parsed = intervals.parse(element.key)
    return (parsed[0], *parsed[1], element.canon) if parsed else (9, 0, 0, element.canon)
