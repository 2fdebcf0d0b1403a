# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes between two lists of elements, and the union that a set with auto-merge holds."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import first_overlap, merged

from .collector import paused
from .declaration import SetInfo
from .elements import Element
from .many import Many

_START, _END, _KEYS = itemgetter(0), itemgetter(1), itemgetter(0, 1)


@paused
def merge(elements: Iterable[Element], size: int) -> list[Element]:
    """Return the union of intervals with keys of size bytes and nothing else, as a set with auto-merge holds it."""
    ordered = sorted(elements)
    number = partial(int.from_bytes, byteorder="big")
    starts, ends = list(map(number, map(_START, ordered))), list(map(number, map(_END, ordered)))
    if first_overlap(starts, [end + 1 for end in ends]) is None:
        return ordered
    joined = merged(zip(starts, ends))
    return [Element(first.to_bytes(size, "big"), last.to_bytes(size, "big")) for first, last in joined]


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
