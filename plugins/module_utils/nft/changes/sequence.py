# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the longest common subsequence of two sequences."""

from __future__ import annotations

from bisect import bisect_left
from typing import Hashable, Sequence


def common(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the index pairs of a longest common subsequence, ascending.

    Hunt and Szymanski's algorithm: fast where most items occur once, as rules do.
    """
    positions: dict[Hashable, list[int]] = {}
    for at in range(len(right) - 1, -1, -1):
        positions.setdefault(right[at], []).append(at)
    ends: list[int] = []
    links: list[tuple[int, int, object]] = []
    for at, item in enumerate(left):
        for position in positions.get(item, ()):
            length = bisect_left(ends, position)
            link = (at, position, links[length - 1] if length else None)
            if length == len(ends):
                ends.append(position)
                links.append(link)
            else:
                ends[length] = position
                links[length] = link
    pairs: list[tuple[int, int]] = []
    last: object = links[-1] if links else None
    while isinstance(last, tuple):
        pairs.append((last[0], last[1]))
        last = last[2]
    return pairs[::-1]
