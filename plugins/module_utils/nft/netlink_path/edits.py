# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines went and which came between two texts that are nearly the same, without looking at every line.

Equal stretches are passed over by comparing blocks of bytes, so it costs the differences and not the length: two lists
of 100,000 lines with a hundred differences take a few milliseconds, two sets of their lines thirty.
"""

from __future__ import annotations

from collections import Counter

WINDOW = 1 << 14
"""Bytes in which a line is looked for before it counts as gone."""

_FIRST, _MOST = 256, 1 << 16


def edits(old: bytes, new: bytes, most: int) -> tuple[list[bytes], list[bytes]] | None:
    """Return the lines that went and those that came, none in both; None when there are more than most.

    The old lines without those that went and with those that came are the new lines, in another order perhaps.
    """
    old, new = (b"\n%b\n" % text if text else b"\n" for text in (old, new))
    gone: list[bytes] = []
    fresh: list[bytes] = []
    # Places of the line break before the lines that are compared.
    here = there = 0
    while len(gone) + len(fresh) <= most:
        same = _alike(old, here, new, there)
        same = old.rfind(b"\n", here, here + same) - here
        here, there = here + same, there + same
        if here + 1 == len(old) and there + 1 == len(new):
            return _without_moved(gone, fresh)
        went, came = _apart(old, here, new, there)
        gone += _inside(old, here, went)
        fresh += _inside(new, there, came)
        here, there = went, came
    return None


def _alike(old: bytes, here: int, new: bytes, there: int) -> int:
    """Return how many bytes from two places on are the same; at least one, for both begin with a line break."""
    size, done = _FIRST, 0
    while old[here + done : here + done + size] == new[there + done : there + done + size]:
        done += size
        if here + done >= len(old) or there + done >= len(new):
            return min(len(old) - here, len(new) - there)
        size = min(size * 4, _MOST)
    while size > 1:
        half = size // 2
        if old[here + done : here + done + half] == new[there + done : there + done + half]:
            done, size = done + half, size - half
        else:
            size = half
    return min(done, len(old) - here, len(new) - there)


def _apart(old: bytes, here: int, new: bytes, there: int) -> tuple[int, int]:
    """Return where to go on behind lines that differ."""
    left, right = _line(old, here), _line(new, there)
    came = new.find(left, there, there + WINDOW) if left else -1
    went = old.find(right, here, here + WINDOW) if right else -1
    if came >= 0 and (went < 0 or came - there <= went - here):
        return here, came
    if went >= 0:
        return went, there
    return here + len(left[:-1]), there + len(right[:-1])


def _inside(text: bytes, start: int, end: int) -> list[bytes]:
    """Return the lines between two line breaks."""
    return text[start + 1 : end].split(b"\n") if end > start else []


def _line(text: bytes, place: int) -> bytes:
    """Return the line after a line break with both its breaks, nothing at the end of the text."""
    return text[place : text.find(b"\n", place + 1) + 1]


def _without_moved(gone: list[bytes], fresh: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    if set(gone).isdisjoint(fresh):
        return gone, fresh
    left, right = Counter(gone), Counter(fresh)
    return list((left - right).elements()), list((right - left).elements())
