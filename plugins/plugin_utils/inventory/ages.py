# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When lines of the user's repository were changed last, from version control."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

from .checkout import CheckoutError, git

_ORIGIN = re.compile(r"(?P<path>.+?):(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?")
_COMMIT = re.compile(r"([0-9a-f]{40,64}) [0-9]+ ([0-9]+)(?: [0-9]+)?")
_SPACES = re.compile(r" *")


def changed(origin: str) -> float | None:
    """Return when an item of a list was changed last, in seconds since 1970; None where that is not known.

    origin: file, line and column of the item, as of origins.py. A line that is not committed was changed now.
    """
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return None
    times = _blame(str(Path(match["path"]).resolve()))
    lines = _item(str(Path(match["path"]).resolve()), int(match["line"]), int(match["column"] or 1))
    known = [times[number] for number in lines if number in times]
    return max(known) if known else None


@cache
def _blame(path: str) -> dict[int, float]:
    """Return when each line of a file was changed last; {} outside of a repository."""
    try:
        text = git(Path(path).parent, "blame", "--line-porcelain", "--", Path(path).name)
    except CheckoutError:
        return {}
    times: dict[int, float] = {}
    number, is_new = 0, False
    for line in text.splitlines():
        if commit := _COMMIT.fullmatch(line):
            number, is_new = int(commit[2]), set(commit[1]) == {"0"}
        elif line.startswith("committer-time ") and number not in times:
            times[number] = time.time() if is_new else float(line.split()[1])
    return times


@cache
def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _item(path: str, first: int, column: int) -> list[int]:
    """Return the numbers of an item's lines: those after the first that are indented as far as its keys."""
    lines = _lines(path)
    numbers = [first]
    for number, line in enumerate(lines[first:], start=first + 1):
        indent = len(_SPACES.match(line)[0])  # type: ignore[index]
        if line.strip() and indent < column - 1:
            break
        numbers.append(number)
    return numbers
