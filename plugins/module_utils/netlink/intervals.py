# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic on elements: what has to change between two lists, and the union that auto-merge sets hold."""

from __future__ import annotations

from operator import itemgetter
from typing import Iterable

from .collector import paused
from .declaration import SetInfo
from .elements import Element, after
from .many import Many

_KEYS = itemgetter(0, 1)


@paused
def merge(elements: Iterable[Element]) -> list[Element]:
    """The union of plain intervals as a set with auto-merge holds it: sorted, overlapping and adjacent ones joined.

    Of elements that are joined none keeps timeout and comment, for nft keeps none.
    """
    found: list[Element] = []
    for element in sorted(elements, key=_KEYS):
        previous = found[-1] if found and found[-1].start else None
        edge = after(previous.end) if previous is not None else None
        if previous is None or (edge is not None and element.start > edge):
            found.append(element)
        elif element[:2] != previous[:2]:
            found[-1] = Element(previous.start, max(previous.end, element.end))
    return found


@paused
def difference(info: SetInfo, have: Iterable[Element], want: Iterable[Element]) -> tuple[list[Element], list[Element]]:
    """What to add and what to delete, sorted, so that the set, which holds have, holds exactly want.

    An element whose comment or timeout differs is deleted and added. Timeouts are compared only where want gives one;
    the time that is left (expires) never is. Of elements with the same keys the last one counts.
    """
    if isinstance(have, Many) and isinstance(want, Many):
        return _plain_difference(have, want)
    present = {element[:2]: element for element in have}
    wanted = {element[:2]: element for element in want}
    add = [one for keys, one in wanted.items() if keys not in present or _differs(info, present[keys], one)]
    delete = [one for keys, one in present.items() if keys not in wanted or _differs(info, one, wanted[keys])]
    return sorted(add, key=_KEYS), sorted(delete, key=_KEYS)


def _plain_difference(have: Many, want: Many) -> tuple[list[Element], list[Element]]:
    if have == want:
        return [], []
    present, wanted = set(have), set(want)
    return sorted(wanted - present), sorted(present - wanted)


def _differs(info: SetInfo, have: Element, want: Element) -> bool:
    if have.comment != want.comment:
        return True
    # the kernel does not keep a timeout that is the set's own
    default = info.timeout or 0
    kept = default if have.timeout is None else have.timeout
    return want.timeout is not None and kept != want.timeout
