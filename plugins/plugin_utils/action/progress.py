# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a task is that may take long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
SECONDS = 5.0
"""As long as nobody wonders."""


def reported(
    items: Sequence[Item], what: str, say: Callable[[str], None], clock: Callable[[], float] = monotonic
) -> Iterator[Item]:
    """Yield items, and say how many are done whenever some seconds have passed. what: as in `200 of 500 WHAT`."""
    last = clock()
    for number, item in enumerate(items):
        if clock() - last >= SECONDS:
            say(f"{number} of {len(items)} {what}")
            last = clock()
        yield item
