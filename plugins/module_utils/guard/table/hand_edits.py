# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another program or a hand changed in the table: sentences about what becomes of each edit."""

from __future__ import annotations

from collections import Counter
from typing import Iterator

from . import blocks
from .blocks import Block

_SHOWN = 8
"""Sentences; the rest is counted."""


def undone(confirmed: str, live: str, after: str, verb: str = "was") -> list[str]:
    """Return a sentence for each edit of the confirmed table that the live one has and the table after it has not.

    confirmed, live, after: as fingerprint.shape returns them. verb: `was`, or `would be` for a change to come.
    """
    old, now, new = (_parts(text) for text in (confirmed, live, after))
    sentences = [
        *(f"a hand-made {what} {verb} removed" for what in _whole(now - old) if what in now - new),
        *(f"{what}, deleted by hand, {verb} restored" for what in _whole(old - now) if what in new - now),
    ]
    if old == now and live != confirmed:
        sentences = [f"the order of rules, changed by hand, {verb} restored"]
    more = len(sentences) - _SHOWN
    return sentences if more <= 0 else [*sentences[:_SHOWN], f"and {more} more edit{'s' if more > 1 else ''} by hand"]


def _whole(parts: Counter[str]) -> Iterator[str]:
    """Yield parts, of a chain or set that is one of them nothing but itself."""
    return (part for part in parts if part.rpartition(" in ")[2] not in parts or " in " not in part)


def _parts(text: str) -> Counter[str]:
    """Return everything in a table that can be there or not, in words: `chain x`, `` `accept` in chain x``."""
    return Counter(part for block in blocks.parse(text).blocks for part in _of_block(block)) if text else Counter()


def _of_block(block: Block) -> Iterator[str]:
    where = f"{block.kind} {block.name}"
    yield where
    for text in (*block.lines, *block.elements):
        yield f"`{text.strip().replace(' packets 0 bytes 0', '')}` in {where}"
