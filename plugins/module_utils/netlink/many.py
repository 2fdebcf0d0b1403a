# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many addresses or networks at once: read, encoded and decoded without an object for each.

Python takes about 3 us to make an element of a line and a message of an element, the kernel 1 us to add it. Here every
step is one call for all: keys lie one behind the other in bytes, and are put into copies of one encoded element, or
taken out of what the kernel sent, column by column. What is not plainly so is left to literals.py, elements.py and
decode.py, which know everything.
"""

from __future__ import annotations

import socket
import struct
from functools import partial
from itertools import islice, repeat
from operator import eq, lt, or_, xor
from typing import Iterator, NamedTuple, Sequence, overload

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import host_masks

from . import elements, wire
from .declaration import Layout, SetInfo
from .decode import decode_one, key_first, split
from .elements import Element

_FAMILIES = {"ipv4_addr": (socket.AF_INET, 4), "ipv6_addr": (socket.AF_INET6, 16)}


class Many(Sequence[Element]):
    """Elements with nothing but keys, sorted, apart from each other, none with the highest key; size: bytes of a key.

    starts, ends: first and last keys, one behind the other.
    """

    def __init__(self, size: int, starts: bytes, ends: bytes) -> None:
        self.size, self.starts, self.ends = size, starts, ends

    def __len__(self) -> int:
        return len(self.starts) // self.size

    @overload
    def __getitem__(self, place: int) -> Element: ...

    @overload
    def __getitem__(self, place: slice) -> list[Element]: ...

    def __getitem__(self, place: int | slice) -> Element | list[Element]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return [self[one] for one in places]
        at = slice(places * self.size, (places + 1) * self.size)
        return Element(self.starts[at], self.ends[at])

    def __iter__(self) -> Iterator[Element]:
        return map(Element, self._keys(self.starts), self._keys(self.ends))

    def __eq__(self, other: object) -> bool:
        """Whether it is the same elements, in a list or here."""
        if isinstance(other, Many):
            return (self.size, self.starts, self.ends) == (other.size, other.starts, other.ends)
        return isinstance(other, list) and list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def _keys(self, keys: bytes) -> Iterator[bytes]:
        return (key for (key,) in struct.iter_unpack(f"{self.size}s", keys))


def read_many(info: SetInfo, text: bytes) -> Many | None:
    """The elements of lines of addresses and networks; None when there is anything else, or any twice or overlapping.

    In a set with auto-merge none touch each other either.
    """
    if len(info.types) != 1 or info.types[0] not in _FAMILIES or info.is_map or not text:
        return None
    family, size = _FAMILIES[info.types[0]]
    if info.key_len != size:
        return None
    bases, lengths = _split(text.decode("utf-8", "replace"))
    if lengths and info.layout is not Layout.TREE:
        return None
    gap = int(info.auto_merge and info.layout is Layout.TREE)
    try:
        keys = list(map(partial(socket.inet_pton, family), bases))
        if not lengths and not gap:
            return _singles(size, keys)
        by_length: dict[str | None, int] = dict(host_masks(size * 8).items())
        by_length[None] = 0
        masks = list(map(by_length.__getitem__, lengths or repeat(None, len(keys))))
    except (OSError, ValueError, KeyError):
        return None
    lasts = list(map(or_, _numbers(size, b"".join(keys)), masks))
    firsts = list(map(xor, lasts, masks))
    return _sorted(size, firsts, lasts, gap=gap)


def _split(text: str) -> tuple[Sequence[str], Sequence[str | None]]:
    """Addresses, and what follows their slashes, None without one; no lengths when nothing has one."""
    if "/" not in text:
        return text.split("\n"), ()
    if text.count("/") == text.count("\n") + 1:
        words = text.replace("/", "\n").split("\n")
        return words[::2], words[1::2]
    parted = [line.partition("/") for line in text.split("\n")]
    return [base for base, _slash, _length in parted], [length if slash else None for _base, slash, length in parted]


def _numbers(size: int, keys: bytes) -> list[int]:
    if size == 4:
        return list(struct.unpack(f">{len(keys) // 4}I", keys))
    return [high << 64 | low for high, low in struct.iter_unpack(">QQ", keys)]


def _bytes(size: int, numbers: Sequence[int]) -> bytes:
    if size == 4:
        return struct.pack(f">{len(numbers)}I", *numbers)
    low = (1 << 64) - 1
    return struct.pack(f">{2 * len(numbers)}Q", *[half for one in numbers for half in (one >> 64, one & low)])


def _singles(size: int, keys: list[bytes]) -> Many | None:
    """Single keys, which need no arithmetic."""
    keys.sort()
    if any(map(eq, keys, islice(keys, 1, None))) or keys[-1] == b"\xff" * size:
        return None
    joined = b"".join(keys)
    return Many(size, joined, joined)


def _sorted(size: int, firsts: Sequence[int], lasts: Sequence[int], *, gap: int) -> Many | None:
    if not _in_order(firsts, lasts, gap):
        pairs = sorted(zip(firsts, lasts))
        firsts, lasts = [first for first, _last in pairs], [last for _first, last in pairs]
        if not _in_order(firsts, lasts, gap):
            return None
    if lasts[-1] == (1 << (size * 8)) - 1:
        return None
    return Many(size, _bytes(size, firsts), _bytes(size, lasts))


def _in_order(firsts: Sequence[int], lasts: Sequence[int], gap: int) -> bool:
    ends = [last + gap for last in lasts] if gap else lasts
    return all(map(lt, ends, firsts[1:]))


class _Shape(NamedTuple):
    """An encoded element: its bytes with keys of zeros, and where its first key and, in a tree, its end's key are."""

    template: bytes
    start: int
    end: int | None


def _shape(info: SetInfo) -> _Shape:
    one = elements.element_attribute(bytes(info.key_len))
    if info.layout is not Layout.TREE:
        return _Shape(one, elements.HEAD, None)
    both = one + elements.element_attribute(bytes(info.key_len), elements.INTERVAL_END)
    return _Shape(both, elements.HEAD, len(one) + elements.HEAD)


def lists(info: SetInfo, many: Many) -> Iterator[bytes]:
    """All elements as list attributes: the same bytes as elements.lists(elements.encode(…))."""
    template, start, end = _shape(info)
    size, stride = many.size, len(template)
    after = _bytes(size, [last + 1 for last in _numbers(size, many.ends)]) if end is not None else b""
    most = elements.MAX_LIST // stride
    for first in range(0, len(many), most):
        count = min(most, len(many) - first)
        found = bytearray(template * count)
        for place in range(size):
            part = slice(first * size + place, (first + count) * size, size)
            found[start + place :: stride] = many.starts[part]
            if end is not None:
                found[end + place :: stride] = after[part]
        yield wire.attribute(elements.LIST_ELEMENTS | wire.NLA_F_NESTED, bytes(found))


def decode(info: SetInfo, listed: bytes) -> Many | None:
    """The elements of a dump's lists, one behind the other; None when any of them has more than keys.

    The kernel sends a tree from its highest key down, each end before its start; nft puts one more end at the lowest.
    """
    shape = _seen(info, listed)
    if shape is None:
        return None
    template, start, end = shape
    if end is not None and len(listed) % len(template) == start - end:
        if listed[end - start :] != template[: start - end]:
            return None
        listed = listed[: end - start]
    size, stride = info.key_len, len(template)
    if len(listed) % stride:
        return None
    count = len(listed) // stride
    blank = bytearray(listed)
    for place in (start, end):
        for byte in range(size if place is not None else 0):
            blank[(place or 0) + byte :: stride] = bytes(count)
    if blank != template * count:
        return None
    found = _keys(listed, start, size, stride)
    if end is None:
        return _singles(size, [key for (key,) in struct.iter_unpack(f"{size}s", found)])
    firsts = _numbers(size, found)
    firsts.reverse()
    lasts = [after - 1 for after in reversed(_numbers(size, _keys(listed, end, size, stride)))]
    paired = not any(map(lt, lasts, firsts)) and _in_order(firsts, lasts, 0)
    return _sorted(size, firsts, lasts, gap=0) if paired else None


def _seen(info: SetInfo, listed: bytes) -> _Shape | None:
    """The shape of the elements in a dump as the first one has it."""
    if len(info.types) != 1 or info.types[0] not in _FAMILIES or info.layout is Layout.RANGES or not listed:
        return None
    items = list(islice(split(listed), 2))
    wanted = [elements.INTERVAL_END, 0] if info.layout is Layout.TREE else [0]
    raws = [decode_one(info, item) for item in items[: len(wanted)]]
    plain = all(raw.key_end is None and raw[3:] == (None, None, None) for raw in raws)
    first = key_first(info.key_len)
    if (
        not plain
        or [raw.flags for raw in raws] != wanted
        or any(item[4 : elements.HEAD] not in first for item in items)
    ):
        return None
    blank = [_blank(item, info.key_len) for item in items[: len(wanted)]]
    if len(blank) == 1:
        return _Shape(blank[0], elements.HEAD, None)
    return _Shape(b"".join(blank), len(blank[0]) + elements.HEAD, elements.HEAD)


def _blank(item: bytes, size: int) -> bytes:
    """An element with zeros in the place of its key, padded."""
    found = item[: elements.HEAD] + bytes(size) + item[elements.HEAD + size :]
    return found + bytes(-len(found) % 4)


def _keys(listed: bytes, place: int, size: int, stride: int) -> bytes:
    found = bytearray(size * (len(listed) // stride))
    for byte in range(size):
        found[byte::size] = listed[place + byte :: stride]
    return bytes(found)
