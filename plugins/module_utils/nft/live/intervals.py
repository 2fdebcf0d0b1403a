# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets that merge overlapping intervals, as the union that they are."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import addresses

from .model import NftElement

_WIDTH = {4: 32, 6: 128}
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True)
class Union:
    """Sorted ranges (first, last) that neither overlap nor touch; version: 4, 6, or 0 for plain numbers (ports)."""

    version: int
    ranges: tuple[tuple[int, int], ...]

    def minus(self, other: Union) -> Union:
        """Return what is in this and not in the other."""
        left = list(self.ranges)
        for first, last in other.ranges:
            left = [
                piece
                for start, end in left
                for piece in ((start, min(end, first - 1)), (max(start, last + 1), end))
                if piece[0] <= piece[1]
            ]
        return Union(self.version, tuple(sorted(set(left))))

    def texts(self) -> list[str]:
        """Return the ranges as nft lists them."""
        return [text(first, last, self.version) for first, last in self.ranges]

    def holds(self, other: Union) -> bool:
        """Whether all of the other is in this."""
        return not other.minus(self).ranges


def union(elements: Iterable[NftElement]) -> Union | None:
    """Return the union of plain addresses, networks, ranges or numbers, None when one is something else."""
    found: list[tuple[int, int]] = []
    versions = set()
    for element in elements:
        if element.canon != element.key:
            return None
        parsed = parse(element.key)
        if parsed is None:
            return None
        versions.add(parsed[0])
        found.append(parsed[1])
    if len(versions) > 1:
        return None
    return Union(versions.pop() if versions else 0, merged(found))


def covers(elements: Sequence[NftElement], key: str) -> str | None:
    """Return the key of an element that holds all of another key, None when none does or it is not known."""
    parsed = parse(key)
    if parsed is None:
        return None
    for element in elements:
        other = parse(element.key)
        if other and other[0] == parsed[0] and other[1][0] <= parsed[1][0] and parsed[1][1] <= other[1][1]:
            return element.key
    return None


def order(element: NftElement) -> tuple[int, int, int, str]:
    """Return what elements are sorted by: addresses and numbers by value, others by their words."""
    found = parse(element.key)
    return (found[0], *found[1], element.canon) if found else (9, 0, 0, element.canon)


def merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return ranges sorted, without overlaps and gaps of nothing."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def parse(key: str) -> tuple[int, tuple[int, int]] | None:
    """Return (version, range) of a listed key."""
    for version in (4, 6):
        found = addresses.parse(key, version)
        if found is not None:
            return version, found
    first, dash, last = key.partition("-")
    if first.isdigit() and (last.isdigit() if dash else True):
        return 0, (int(first), int(last or first))
    return None


def text(first: int, last: int, version: int) -> str:
    """Return a range as nft lists it; version: as in Union."""
    if not version:
        return str(first) if first == last else f"{first}-{last}"
    start = _address(first, version)
    if first == last:
        return start
    size = last - first + 1
    if size & (size - 1) == 0 and first % size == 0:
        return f"{start}/{_WIDTH[version] - size.bit_length() + 1}"
    return f"{start}-{_address(last, version)}"


def _address(value: int, version: int) -> str:
    return socket.inet_ntop(_FAMILY[version], value.to_bytes(_WIDTH[version] // 8, "big"))
