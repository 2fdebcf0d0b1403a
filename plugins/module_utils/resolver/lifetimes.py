# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an address stays in a set: max(TTL, floor) + grace from the last answer, and the later end counts.

Connection pools keep an address far longer than its TTL, hence the floor. Two names may have one address, and the
shorter TTL of one must not cut the other.
"""

from __future__ import annotations

from .document import Document

LONGEST = 86_400
"""Seconds of a TTL that count; unbound keeps no answer longer (cache-max-ttl)."""

_KEPT = 200_000
"""Elements that are remembered; sets hold fewer. When there are more, those that ended are forgotten, then all."""


class Lifetimes:
    """The ends of the elements that this process wrote or read, by set and address, on one clock (seconds)."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._ends: dict[tuple[str, bytes], float] = {}

    def remember(self, name: str, key: bytes, end: float) -> None:
        """Note the end of an element that a set has already."""
        self._ends[name, key] = max(end, self._ends.get((name, key), 0.0))

    def seconds(self, name: str, key: bytes, ttl: int, now: float) -> float:
        """Return for how long an address goes into a set, from now. ttl: seconds of the answer that are left."""
        end = now + max(0, min(ttl, LONGEST), self.document.floor) + self.document.grace
        if len(self._ends) >= _KEPT:
            self._ends = {element: each for element, each in self._ends.items() if each > now}
            if len(self._ends) >= _KEPT:
                self._ends.clear()
        self.remember(name, key, end)
        return self._ends[name, key] - now
