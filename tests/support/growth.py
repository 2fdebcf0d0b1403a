# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the processor time of a function grows with its input, whatever the machine and what else runs on it."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from time import process_time
from typing import TypeVar

Input = TypeVar("Input")


def growth(
    make: Callable[[int], Input], run: Callable[[Input], object], size: int, limit: float, tries: int = 5
) -> float:
    """Return how many times more processor time an input of four times the size takes: 4 linear, 16 quadratic.

    make: returns a new input of a size, unmeasured. Each figure is the least of some tries; the large input is tried
    no more once the result is below a limit, since another try can only lower it.
    """
    small = min(_seconds(run, make(size)) for _try in range(tries))
    ratio = math.inf
    for _try in range(tries):
        ratio = min(ratio, _seconds(run, make(4 * size)) / small)
        if ratio < limit:
            break
    return ratio


def fastest(run: Callable[[], object], limit: float, tries: int = 5) -> float:
    """Return the least processor time of some tries in seconds; no more of them once it is below a limit.

    Other work on the machine only adds to it.
    """
    least = math.inf
    for _try in range(tries):
        least = min(least, _seconds(lambda _none: run(), None))
        if least < limit:
            break
    return least


def _seconds(run: Callable[[Input], object], measured: Input) -> float:
    gc.collect()
    gc.disable()
    try:
        begin = process_time()
        run(measured)
        return process_time() - begin
    finally:
        gc.enable()
