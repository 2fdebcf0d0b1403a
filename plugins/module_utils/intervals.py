# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closed intervals of integers: what addresses, networks, ranges and ports are to nf_tables.

The version of an interval is 4 or 6 for addresses, 0 for plain numbers such as ports.
"""

from __future__ import annotations

import socket
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from operator import le
from typing import Any, Iterable, Sequence, Tuple

Interval = Tuple[int, int]
"""First and last number."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
WIDTHS = {4: 32, 6: 128}
"""Bits of an address."""


def host_masks(width: int) -> dict[str, int]:
    """Return the mask of the host bits for each prefix length, as text, of addresses of width bits.

    A length with a leading zero is none: nft reads it as octal, and 0.9.8 reads "/08" as "/0" (tried).
    """
    return {str(length): (1 << (width - length)) - 1 for length in range(width + 1)}


_MASKS = {version: host_masks(width) for version, width in WIDTHS.items()}


def parse_address(text: str, version: int) -> Interval | None:
    """Return the interval of an address, a network or a range, None when the text is none of them.

    Host bits are ignored, as nft does. A reversed range comes back reversed.
    """
    address, slash, length = text.partition("/")
    try:
        first = int.from_bytes(socket.inet_pton(_FAMILIES[version], address), "big")
    except (OSError, ValueError):
        return _parse_range(text, version)
    if not slash:
        return first, first
    mask = _MASKS[version].get(length)
    return None if mask is None else (first & ~mask, first | mask)


def _parse_range(text: str, version: int) -> Interval | None:
    start, dash, end = text.partition("-")
    try:
        ends = [socket.inet_pton(_FAMILIES[version], address.strip()) for address in (start, end)] if dash else []
    except (OSError, ValueError):
        return None
    return (int.from_bytes(ends[0], "big"), int.from_bytes(ends[1], "big")) if ends else None


def parse(key: str) -> tuple[int, Interval] | None:
    """Return version and interval of the key of an element as nft lists it, None for anything else."""
    for version in (4, 6):
        interval = parse_address(key, version)
        if interval is not None:
            return version, interval
    first, dash, last = key.partition("-")
    if first.isdigit() and (last.isdigit() if dash else True):
        return 0, (int(first), int(last or first))
    return None


def show(first: int, last: int, version: int) -> str:
    """Return an interval as nft lists it."""
    if not version:
        return str(first) if first == last else f"{first}-{last}"
    if first == last:
        return _address(first, version)
    length = prefix_length(first, last, WIDTHS[version])
    return f"{_address(first, version)}{f'-{_address(last, version)}' if length is None else f'/{length}'}"


def prefix_length(first: int, last: int, width: int) -> int | None:
    """Return the length of the prefix that is exactly this interval of width bits, None when there is none."""
    size = last - first + 1
    return None if size & (size - 1) or first & (size - 1) else width - size.bit_length() + 1


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals sorted, with those that overlap or touch joined."""
    joined: list[Interval] = []
    start, end = -1, -2
    for first, last in sorted(intervals):
        if first > end + 1:
            if start <= end:
                joined.append((start, end))
            start, end = first, last
        elif last > end:
            end = last
    if start <= end:
        joined.append((start, end))
    return joined


def outside(interval: Interval, others: Sequence[Interval]) -> list[Interval]:
    """Return the parts of an interval that are in none of the others, which are as from merged()."""
    first, last = interval
    parts = []
    for index in range(max(0, bisect_left(others, (first, first)) - 1), len(others)):
        start, end = others[index]
        if start > last or first > last:
            break
        if end < first:
            continue
        if start > first:
            parts.append((first, start - 1))
        first = end + 1
    return [*parts, (first, last)] if first <= last else parts


def first_overlap(starts: Sequence[Any], ends: Sequence[Any]) -> int | None:
    """Return the index of the first interval that the next one overlaps, None when none does.

    starts, ends: of intervals sorted by their starts, as numbers or as keys of equal length.
    """
    for index, overlaps in enumerate(map(le, islice(starts, 1, None), ends)):
        if overlaps:
            return index
    return None


@dataclass(frozen=True)
class IntervalSet:
    """Numbers of one version, as intervals from merged()."""

    version: int
    intervals: tuple[Interval, ...]

    def minus(self, other: IntervalSet) -> IntervalSet:
        """Return the numbers of this set that the other does not have."""
        parts = (part for interval in self.intervals for part in outside(interval, other.intervals))
        return IntervalSet(self.version, tuple(parts))

    def texts(self) -> list[str]:
        """Return the intervals as nft lists them."""
        return [show(first, last, self.version) for first, last in self.intervals]


def _address(number: int, version: int) -> str:
    return socket.inet_ntop(_FAMILIES[version], number.to_bytes(WIDTHS[version] // 8, "big"))
