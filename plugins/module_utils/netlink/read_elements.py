# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read elements of a set: all of them, or those that contain certain keys."""

from __future__ import annotations

import errno
import time
from typing import Callable, Sequence, TypeVar

from . import elements, wire
from .connection import Connection
from .declaration import NFT_SET_TIMEOUT, SetInfo, read_set, require_supported
from .decode import RawElement, assemble, decode_list, decode_message, element_list, element_of
from .elements import Element
from .errors import BadElement, MalformedMessage, from_errno
from .garbage_collection import without_gc
from .plain_elements import PlainElements, decode_lists
from .ruleset import read_generation, read_settled_generation

_Item = TypeVar("_Item")
_ATTEMPTS = 40
_PAUSE_SECONDS = 0.005
# So many equal readings in a row are believed: where the kernel does not count elements, and where another program
# commits between the readings or the kernel counts in another way. When a program replaces the whole content over and
# over, two torn readings are equal about once in 2,000 pairs (measured): they tear at the borders of the messages.
_TWICE = 2
_FOUR_TIMES = 4


@without_gc
def dump_elements(info: SetInfo) -> Sequence[Element]:
    """Return all elements, sorted by key, as they were at one moment; read again as often as that takes.

    The kernel's own work grows with the square of the number of intervals: 0.2 s for 100,000, a minute for a million.
    Before Linux 6.15 it does not report how many there are, so all is read twice.
    """
    require_supported(info)
    action = f"reading the elements of {info}"
    number, request = wire.family_number(info.family), elements.set_reference(info)

    def dump() -> Sequence[Element]:
        messages = kernel.dump(action, wire.NFT_MSG_GETSETELEM, number, request)
        lists = [element_list(info, message) for message in messages]
        plain = decode_lists(info, b"".join(lists))
        return plain or assemble(info, [raw for encoded in lists for raw in decode_list(info, encoded)])

    def is_complete(dumped: Sequence[Element]) -> bool | None:
        # The kernel's count includes expired elements until they are cleared, and half an element without end.
        count = None if info.flags & NFT_SET_TIMEOUT else read_set(kernel, info.family, info.table, info.name).count
        plain = isinstance(dumped, PlainElements)
        size = len(dumped) if plain else sum(element.start != elements.CATCH_ALL for element in dumped)
        if info.is_interval and count == size - 1 and dumped[-1].end == info.highest_key:
            return None
        return None if count is None else count == size

    with Connection() as kernel:
        return _read_steady(kernel, action, dump, is_complete)


def get_elements(info: SetInfo, keys: Sequence[bytes]) -> Sequence[Element | None]:
    """Return for each key the element that contains it, or None. No dump: about 0.01 ms a key."""
    require_supported(info)
    for key in keys:
        if len(key) not in (info.key_len, len(elements.CATCH_ALL)):
            raise BadElement(f"{info}: key {key.hex()} has not the {info.key_len} bytes of the set's keys")
    with Connection() as kernel:
        if info.is_interval:
            return _read_steady(
                kernel, f"reading elements of {info}", lambda: _intervals(kernel, info, keys), lambda _elements: True
            )
        return [raw and element_of(raw, raw.key) for raw in covering(kernel, info, keys)]


def _intervals(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[Element | None]:
    starts = covering(kernel, info, keys)
    ends = _ends(kernel, info, keys, starts)
    return [None if raw is None or end is None else element_of(raw, end) for raw, end in zip(starts, ends)]


def _read_steady(
    kernel: Connection,
    action: str,
    read: Callable[[], Sequence[_Item]],
    is_complete: Callable[[Sequence[_Item]], bool | None],
) -> Sequence[_Item]:
    """Return what read returns while nobody commits. is_complete: whether that is all, None when it cannot tell.

    The kernel dumps elements in parts, finds the place to continue by counting, and does not report when the count is
    wrong: after a commit, after the clearing that follows one, after a dry run. So a reading counts when it is complete
    and the generation did not move, or when several readings are equal.
    """
    previous: Sequence[_Item] | None = None
    equal_readings = 0
    for attempt in range(_ATTEMPTS):
        generation = read_settled_generation(kernel)
        try:
            reading: Sequence[_Item] | None = read()
        except MalformedMessage:
            if read_generation(kernel) == generation:
                raise
            reading = None
        if reading is not None:
            complete = is_complete(reading)
            equal_readings = equal_readings + 1 if _is_equal(reading, previous) else 1
            unmoved = read_generation(kernel) == generation
            enough = _TWICE if unmoved and complete is not False else _FOUR_TIMES
            if (complete and unmoved) or equal_readings >= enough:
                return reading
        previous = reading
        time.sleep(_PAUSE_SECONDS * min(attempt, 10))
    raise from_errno(action, errno.EINTR, f"{_ATTEMPTS} attempts")


def _is_equal(reading: Sequence[object], previous: Sequence[object] | None) -> bool:
    """Return whether two readings differ in nothing but the remaining time."""
    if isinstance(reading, PlainElements):
        return reading == previous
    return previous is not None and _without_expiry(reading) == _without_expiry(previous)


def _without_expiry(reading: Sequence[object]) -> list[object]:
    return [item._replace(expires=None) if isinstance(item, Element) else item for item in reading]


def covering(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[RawElement | None]:
    """Return for each key the element that contains it, or the start of the interval; CATCH_ALL only for itself."""
    return [
        raw if raw is None or not raw.flags & elements.INTERVAL_END else None for raw in _look_up(kernel, info, keys)
    ]


def _ends(
    kernel: Connection, info: SetInfo, keys: Sequence[bytes], starts: Sequence[RawElement | None]
) -> list[bytes | None]:
    """Return the last key of the interval that each key lies in.

    Asked for the end at a key inside an interval, Linux 6.18 answers with that interval's end. Older kernels answer
    with what lies at exactly that key, else the next end: where the answer is not beyond the key, the next key is asked
    for, and either answer bounds the interval. No answer: the interval has no end.
    """
    inside = [index for index, raw in enumerate(starts) if raw is not None and keys[index]]
    edges: list[RawElement | None] = [None] * len(keys)
    for index, edge in zip(inside, _look_up(kernel, info, [keys[index] for index in inside], elements.INTERVAL_END)):
        edges[index] = edge
    next_keys = {index: elements.next_key(keys[index]) for index in inside if _is_at_most(edges[index], keys[index])}
    again = {index: key for index, key in next_keys.items() if key is not None}
    for index, edge in zip(again, _look_up(kernel, info, list(again.values()), elements.INTERVAL_END)):
        edges[index] = edge
    highest = covering(kernel, info, [info.highest_key])[0]
    return [_end(info, key, start, edge, highest) for key, start, edge in zip(keys, starts, edges)]


def _is_at_most(edge: RawElement | None, key: bytes) -> bool:
    return edge is not None and edge.key <= key


def _end(
    info: SetInfo, key: bytes, start: RawElement | None, edge: RawElement | None, highest: RawElement | None
) -> bytes | None:
    """Return the last key of one interval. edge: the end from the kernel; highest: start of the last interval."""
    if start is None or key == elements.CATCH_ALL:
        return start and key
    if edge is not None and edge.key > key:
        return elements.previous_key(edge.key)
    if key == info.highest_key or (edge is None and highest is not None and highest.key == start.key):
        return info.highest_key
    raise MalformedMessage(f"netlink: {info}: no end comes after {key.hex()}, which lies in an interval")


def _look_up(kernel: Connection, info: SetInfo, keys: Sequence[bytes], flags: int = 0) -> list[RawElement | None]:
    action = f"reading elements of {info}"
    reference = elements.set_reference(info)
    requests = (reference + next(elements.list_attributes([elements.element_attribute(key, flags)])) for key in keys)
    is_end = bool(flags & elements.INTERVAL_END)
    answers = kernel.ask_each(
        action, wire.NFT_MSG_GETSETELEM, wire.family_number(info.family), requests, allow_silence=is_end
    )
    raw_elements: list[RawElement | None] = []
    for answer in answers:
        raws = [None] if answer is None else decode_message(info, answer)
        if len(raws) != 1:
            raise MalformedMessage(f"{action}: the kernel sent {len(raws)} elements for one key")
        raw_elements.append(raws[0])
    return raw_elements
