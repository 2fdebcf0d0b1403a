# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which elements a set has: all of them, or those that contain given keys."""

from __future__ import annotations

import errno
import time
from typing import Callable, Sequence, TypeVar

from . import elements, wire
from .collector import paused
from .connection import Connection
from .declaration import NFT_SET_TIMEOUT, Layout, SetInfo, read_set, require_plain
from .decode import Raw, assemble, decode_list, decode_message, listed
from .elements import Element
from .errors import BadElement, MalformedMessage, from_errno
from .many import Many, decode
from .ruleset import read_generation, read_settled_generation

_Found = TypeVar("_Found")
_ATTEMPTS = 40
_PAUSE_SECONDS = 0.005
# So many readings in a row that agree are believed: of a kernel that does not count, and where somebody commits between
# them or the kernel counts otherwise. Two torn ones are alike about once in 2,000 pairs when somebody swaps the whole
# content over and over (measured): they tear where one message of the dump ends and the next begins.
_TWICE = 2
_FOUR_TIMES = 4


@paused
def dump_elements(info: SetInfo) -> Sequence[Element]:
    """All elements, sorted by key, as they were at one moment; read again as often as it takes.

    The kernel's own work grows with the square of the number of intervals: 0.2 s for 100,000, a minute for a million.
    Before Linux 6.15 it does not tell how many there are, and all is read twice.
    """
    require_plain(info)
    doing = f"reading the elements of {info}"
    number, request = wire.family_number(info.family), elements.address(info)

    def dump() -> Sequence[Element]:
        answers = kernel.dump(doing, wire.NFT_MSG_GETSETELEM, number, request)
        lists = [listed(info, answer) for answer in answers]
        many = decode(info, b"".join(lists))
        return many or assemble(info, [raw for one in lists for raw in decode_list(info, one)])

    def whole(found: Sequence[Element]) -> bool | None:
        # the kernel counts elements whose time has run out until it clears them away, and half an element without end
        count = None if info.flags & NFT_SET_TIMEOUT else read_set(kernel, info.family, info.table, info.name).count
        seen = len(found) if isinstance(found, Many) else sum(one.start != elements.CATCH_ALL for one in found)
        if info.layout is Layout.TREE and count == seen - 1 and found[-1].end == b"\xff" * info.key_len:
            return None
        return None if count is None else count == seen

    with Connection() as kernel:
        return _steady(kernel, doing, dump, whole)


def get_elements(info: SetInfo, keys: Sequence[bytes]) -> Sequence[Element | None]:
    """For each key the element that contains it, None where there is none; no dump, about 0.01 ms a key."""
    require_plain(info)
    for key in keys:
        if len(key) not in (info.key_len, len(elements.CATCH_ALL)):
            raise BadElement(f"{info}: key {key.hex()} has not the {info.key_len} bytes of the set's keys")
    with Connection() as kernel:
        if info.layout is Layout.TREE:
            return _steady(kernel, f"reading elements of {info}", lambda: _intervals(kernel, info, keys), _anything)
        return [raw and _element(raw, raw.key_end or raw.key) for raw in covering(kernel, info, keys)]


def _intervals(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[Element | None]:
    starts = covering(kernel, info, keys)
    ends = _ends(kernel, info, keys, starts)
    return [None if raw is None or end is None else _element(raw, end) for raw, end in zip(starts, ends)]


def _element(raw: Raw, end: bytes) -> Element:
    return Element(raw.key, end, raw.timeout, raw.expires, raw.comment)


def _anything(_found: Sequence[object]) -> bool | None:
    return True


def _steady(
    kernel: Connection,
    doing: str,
    read: Callable[[], Sequence[_Found]],
    whole: Callable[[Sequence[_Found]], bool | None],
) -> Sequence[_Found]:
    """What read finds while nobody commits; whole tells whether that is all, None when it cannot tell.

    The kernel dumps elements in pieces, finds the place to go on by counting, and does not say when the count was
    upset: by a commit, by the clearing up after one, by a transaction that was only tried. So what is found counts when
    it is whole and the generation stayed, or when it is found again and again.
    """
    previous: Sequence[_Found] | None = None
    alike = 0
    for attempt in range(_ATTEMPTS):
        generation = read_settled_generation(kernel)
        try:
            found: Sequence[_Found] | None = read()
        except MalformedMessage:
            if read_generation(kernel) == generation:
                raise
            found = None
        if found is not None:
            complete = whole(found)
            alike = alike + 1 if _alike(found, previous) else 1
            stayed = read_generation(kernel) == generation
            enough = _TWICE if stayed and complete is not False else _FOUR_TIMES
            if (complete and stayed) or alike >= enough:
                return found
        previous = found
        time.sleep(_PAUSE_SECONDS * min(attempt, 10))
    raise from_errno(doing, errno.EINTR, f"somebody changed it during each of {_ATTEMPTS} readings")


def _alike(found: Sequence[object], previous: Sequence[object] | None) -> bool:
    """Whether two readings differ in nothing but the time that is left."""
    if isinstance(found, Many):
        return found == previous
    return previous is not None and _timeless(found) == _timeless(previous)


def _timeless(found: Sequence[object]) -> list[object]:
    return [one._replace(expires=None) if isinstance(one, Element) else one for one in found]


def covering(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[Raw | None]:
    """For each key the element that contains it, of a plain interval its start element; CATCH_ALL only for itself."""
    return [raw if raw is None or not raw.flags & elements.INTERVAL_END else None for raw in _get(kernel, info, keys)]


def _ends(kernel: Connection, info: SetInfo, keys: Sequence[bytes], starts: Sequence[Raw | None]) -> list[bytes | None]:
    """The last key of the interval that each key lies in.

    Asked for the end at a key inside an interval, the kernel tells that interval's end (seen on Linux 6.18). Before,
    it told whatever lies at exactly that key, else the next end: where the answer is not beyond our key, the key after
    ours is asked for, and there either of the two bounds our interval. No answer: the interval has no end.
    """
    inside = [place for place, raw in enumerate(starts) if raw is not None and keys[place]]
    edges: list[Raw | None] = [None] * len(keys)
    for place, edge in zip(inside, _get(kernel, info, [keys[place] for place in inside], elements.INTERVAL_END)):
        edges[place] = edge
    again = {place: elements.after(keys[place]) for place in inside if _not_beyond(edges[place], keys[place])}
    asked = {place: key for place, key in again.items() if key is not None}
    for place, edge in zip(asked, _get(kernel, info, list(asked.values()), elements.INTERVAL_END)):
        edges[place] = edge
    top = covering(kernel, info, [b"\xff" * info.key_len])[0]
    return [_end(info, *one, top) for one in zip(keys, starts, edges)]


def _not_beyond(edge: Raw | None, key: bytes) -> bool:
    return edge is not None and edge.key <= key


def _end(info: SetInfo, key: bytes, start: Raw | None, edge: Raw | None, top: Raw | None) -> bytes | None:
    if start is None or key == elements.CATCH_ALL:
        return start and key
    if edge is not None and edge.key > key:
        return elements.before(edge.key)
    highest = b"\xff" * info.key_len
    if key == highest or (edge is None and top is not None and top.key == start.key):
        return highest
    raise MalformedMessage(f"netlink: {info}: no end comes after {key.hex()}, which lies in an interval")


def _get(kernel: Connection, info: SetInfo, keys: Sequence[bytes], flags: int = 0) -> list[Raw | None]:
    doing = f"reading elements of {info}"
    address = elements.address(info)
    ranges = info.layout is Layout.RANGES
    requests = (
        address + next(elements.lists([elements.element_attribute(key, flags, last=key if ranges else None)]))
        for key in keys
    )
    silence = bool(flags & elements.INTERVAL_END)
    answers = kernel.ask_each(
        doing, wire.NFT_MSG_GETSETELEM, wire.family_number(info.family), requests, silence=silence
    )
    found: list[Raw | None] = []
    for answer in answers:
        raws = [None] if answer is None else decode_message(info, answer)
        if len(raws) != 1:
            raise MalformedMessage(f"{doing}: {len(raws)} elements came for one key")
        found.append(raws[0])
    return found
