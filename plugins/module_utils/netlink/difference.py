# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes between two lists of elements, and the union that a set with auto-merge holds."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import first_overlap, merged

from .declaration import SetInfo
from .elements import Element
from .garbage_collection import without_gc
from .plain_elements import PlainElements

_START, _END, _KEYS = itemgetter(0), itemgetter(1), itemgetter(0, 1)


@without_gc
def merge(elements: Iterable[Element], size: int) -> list[Element]:
    """Return the union of intervals with keys of size bytes and nothing else, as a set with auto-merge holds it."""
    ordered = sorted(elements)
    number = partial(int.from_bytes, byteorder="big")
    starts, ends = list(map(number, map(_START, ordered))), list(map(number, map(_END, ordered)))
    if first_overlap(starts, [end + 1 for end in ends]) is None:
        return ordered
    joined = merged(zip(starts, ends))
    return [Element(first.to_bytes(size, "big"), last.to_bytes(size, "big")) for first, last in joined]


@without_gc
def difference(
    info: SetInfo, live: Iterable[Element], desired: Iterable[Element]
) -> tuple[list[Element], list[Element]]:
    """Return the elements to add and to delete, sorted, that make a set with the live elements hold the desired ones.

    An element whose comment or timeout differs is deleted and added. Timeouts are compared only where the desired
    element has one; the remaining time (expires) never is. Of elements with the same keys the last one counts.
    """
    if isinstance(live, PlainElements) and isinstance(desired, PlainElements):
        return _plain_difference(live, desired)
    old = {element[:2]: element for element in live}
    new = {element[:2]: element for element in desired}
    add = [element for keys, element in new.items() if keys not in old or _differs(info, old[keys], element)]
    delete = [element for keys, element in old.items() if keys not in new or _differs(info, element, new[keys])]
    return sorted(add, key=_KEYS), sorted(delete, key=_KEYS)


def _plain_difference(live: PlainElements, desired: PlainElements) -> tuple[list[Element], list[Element]]:
    if live == desired:
        return [], []
    old, new = set(live), set(desired)
    return sorted(new - old), sorted(old - new)


def _differs(info: SetInfo, live: Element, desired: Element) -> bool:
    if live.comment != desired.comment:
        return True
    # The kernel does not keep a timeout that equals the set's own.
    live_timeout = (info.timeout or 0) if live.timeout is None else live.timeout
    return desired.timeout is not None and live_timeout != desired.timeout
