# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a task is that may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
SECONDS = 2.0
"""As long as nobody wonders."""


def reported(
    items: Iterable[Item], total: int, what: str, say: Callable[[str], None], clock: Callable[[], float] = monotonic
) -> Iterator[Item]:
    """Yield items, and say how many are done whenever some seconds have passed.

    total: 0 where nobody knows it. what: as in `200 of 500 WHAT`.
    """
    last = clock()
    for number, item in enumerate(items):
        if number and clock() - last >= SECONDS:
            say(f"{number} of {total} {what}" if total else f"{number} {what}")
            last = clock()
        yield item
