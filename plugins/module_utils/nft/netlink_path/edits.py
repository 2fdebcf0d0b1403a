# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines went and which came between two texts that are nearly the same, without looking at every line.

Equal stretches are skipped by comparing blocks of bytes, so the cost depends on the differences, not on the length: two
lists of 100,000 lines with a hundred differences take a few milliseconds, two sets of their lines thirty.
"""

from __future__ import annotations

from collections import Counter

WINDOW = 1 << 14
"""Bytes in which a line is searched before it counts as deleted."""

_FIRST, _MOST = 256, 1 << 16


def edits(old: bytes, new: bytes, limit: int) -> tuple[list[bytes], list[bytes]] | None:
    """Return the deleted and the added lines, none in both; None when there are more than ``limit``.

    The old lines without the deleted and with the added ones are the new lines, perhaps in another order.
    """
    old, new = (b"\n%b\n" % text if text else b"\n" for text in (old, new))
    gone: list[bytes] = []
    fresh: list[bytes] = []
    # Positions of the line breaks before the lines that are compared.
    old_at = new_at = 0
    while len(gone) + len(fresh) <= limit:
        equal = _alike(old, old_at, new, new_at)
        equal = old.rfind(b"\n", old_at, old_at + equal) - old_at
        old_at, new_at = old_at + equal, new_at + equal
        if old_at + 1 == len(old) and new_at + 1 == len(new):
            return _without_moved(gone, fresh)
        old_next, new_next = _apart(old, old_at, new, new_at)
        gone += _inside(old, old_at, old_next)
        fresh += _inside(new, new_at, new_next)
        old_at, new_at = old_next, new_next
    return None


def _alike(old: bytes, old_at: int, new: bytes, new_at: int) -> int:
    """Return how many bytes are equal from two positions on; at least one, because both begin with a line break."""
    size, equal = _FIRST, 0
    while old[old_at + equal : old_at + equal + size] == new[new_at + equal : new_at + equal + size]:
        equal += size
        if old_at + equal >= len(old) or new_at + equal >= len(new):
            return min(len(old) - old_at, len(new) - new_at)
        size = min(size * 4, _MOST)
    while size > 1:
        half = size // 2
        if old[old_at + equal : old_at + equal + half] == new[new_at + equal : new_at + equal + half]:
            equal, size = equal + half, size - half
        else:
            size = half
    return min(equal, len(old) - old_at, len(new) - new_at)


def _apart(old: bytes, old_at: int, new: bytes, new_at: int) -> tuple[int, int]:
    """Return the positions behind lines that differ."""
    old_line, new_line = _line(old, old_at), _line(new, new_at)
    new_next = new.find(old_line, new_at, new_at + WINDOW) if old_line else -1
    old_next = old.find(new_line, old_at, old_at + WINDOW) if new_line else -1
    if new_next >= 0 and (old_next < 0 or new_next - new_at <= old_next - old_at):
        return old_at, new_next
    if old_next >= 0:
        return old_next, new_at
    return old_at + len(old_line[:-1]), new_at + len(new_line[:-1])


def _inside(text: bytes, start: int, end: int) -> list[bytes]:
    """Return the lines between two line breaks."""
    return text[start + 1 : end].split(b"\n") if end > start else []


def _line(text: bytes, place: int) -> bytes:
    """Return the line after a line break, with both breaks; nothing at the end of the text."""
    return text[place : text.find(b"\n", place + 1) + 1]


def _without_moved(gone: list[bytes], fresh: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    if set(gone).isdisjoint(fresh):
        return gone, fresh
    left, right = Counter(gone), Counter(fresh)
    return list((left - right).elements()), list((right - left).elements())
