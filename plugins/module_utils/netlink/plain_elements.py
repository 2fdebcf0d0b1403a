# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many addresses or networks at once: read, encoded and decoded without an object for each.

Python takes about 3 us to make an element of a line and a message of an element, the kernel 1 us to add it. Here every
step is one call for all: the keys follow one another in bytes, and are copied into copies of one encoded element, or
out of what the kernel sent, column by column. Everything else is left to text.py, elements.py and decode.py.
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
from .declaration import SetInfo
from .decode import decode_element, key_headers, split_list
from .elements import Element

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class PlainElements(Sequence[Element]):
    """Elements with nothing but keys, sorted, not overlapping, without the highest key.

    size: bytes of a key. starts, ends: all first and all last keys, one after another.
    """

    def __init__(self, size: int, starts: bytes, ends: bytes) -> None:
        self.size, self.starts, self.ends = size, starts, ends

    def __len__(self) -> int:
        return len(self.starts) // self.size

    @overload
    def __getitem__(self, index: int) -> Element: ...

    @overload
    def __getitem__(self, index: slice) -> list[Element]: ...

    def __getitem__(self, index: int | slice) -> Element | list[Element]:
        indices = range(len(self))[index]
        if isinstance(indices, range):
            return [self[each] for each in indices]
        key = slice(indices * self.size, (indices + 1) * self.size)
        return Element(self.starts[key], self.ends[key])

    def __iter__(self) -> Iterator[Element]:
        return map(Element, _keys(self.size, self.starts), _keys(self.size, self.ends))

    def __eq__(self, other: object) -> bool:
        """Return whether it has the same elements as a list or another PlainElements."""
        if isinstance(other, PlainElements):
            return (self.size, self.starts, self.ends) == (other.size, other.starts, other.ends)
        return isinstance(other, list) and list(self) == other

    __hash__ = None  # type: ignore[assignment]


def read_plain(info: SetInfo, text: bytes) -> PlainElements | None:
    """Return the elements of lines of addresses and networks.

    None when a line is anything else, or when any overlap or, in a set with auto-merge, touch.
    """
    if not info.version or info.is_map or not text:
        return None
    size = info.key_len
    bases, lengths = _split_lengths(text.decode("utf-8", "replace"))
    if lengths and not info.is_interval:
        return None
    gap = int(info.auto_merge and info.is_interval)
    try:
        keys = list(map(partial(socket.inet_pton, _FAMILIES[info.version]), bases))
        if not lengths and not gap:
            return _single_keys(size, keys)
        by_length: dict[str | None, int] = dict(host_masks(size * 8).items())
        by_length[None] = 0
        masks = list(map(by_length.__getitem__, lengths or repeat(None, len(keys))))
    except (OSError, ValueError, KeyError):
        return None
    lasts = list(map(or_, _numbers(size, b"".join(keys)), masks))
    firsts = list(map(xor, lasts, masks))
    return _intervals(size, firsts, lasts, gap=gap)


def _split_lengths(text: str) -> tuple[Sequence[str], Sequence[str | None]]:
    """Return addresses and prefix lengths, None for an address without one; no lengths when no line has one."""
    if "/" not in text:
        return text.split("\n"), ()
    if text.count("/") == text.count("\n") + 1:
        words = text.replace("/", "\n").split("\n")
        return words[::2], words[1::2]
    parts = [line.partition("/") for line in text.split("\n")]
    return [base for base, _slash, _length in parts], [length if slash else None for _base, slash, length in parts]


def _keys(size: int, joined: bytes) -> Iterator[bytes]:
    return (key for (key,) in struct.iter_unpack(f"{size}s", joined))


def _numbers(size: int, keys: bytes) -> list[int]:
    if size == 4:
        return list(struct.unpack(f">{len(keys) // 4}I", keys))
    return [high << 64 | low for high, low in struct.iter_unpack(">QQ", keys)]


def _bytes(size: int, numbers: Sequence[int]) -> bytes:
    if size == 4:
        return struct.pack(f">{len(numbers)}I", *numbers)
    low = (1 << 64) - 1
    return struct.pack(f">{2 * len(numbers)}Q", *[half for each in numbers for half in (each >> 64, each & low)])


def _single_keys(size: int, keys: list[bytes]) -> PlainElements | None:
    """Return single keys, which need no arithmetic."""
    keys.sort()
    if any(map(eq, keys, islice(keys, 1, None))) or keys[-1] == b"\xff" * size:
        return None
    joined = b"".join(keys)
    return PlainElements(size, joined, joined)


def _intervals(size: int, firsts: Sequence[int], lasts: Sequence[int], *, gap: int) -> PlainElements | None:
    if not _in_order(firsts, lasts, gap):
        pairs = sorted(zip(firsts, lasts))
        firsts, lasts = [first for first, _last in pairs], [last for _first, last in pairs]
        if not _in_order(firsts, lasts, gap):
            return None
    if lasts[-1] == (1 << (size * 8)) - 1:
        return None
    return PlainElements(size, _bytes(size, firsts), _bytes(size, lasts))


def _in_order(firsts: Sequence[int], lasts: Sequence[int], gap: int) -> bool:
    ends = [last + gap for last in lasts] if gap else lasts
    return all(map(lt, ends, firsts[1:]))


class _Shape(NamedTuple):
    """An encoded element with keys of zeros. start: offset of its first key; end: of its end's key, in intervals."""

    template: bytes
    start: int
    end: int | None


def _shape(info: SetInfo) -> _Shape:
    start = elements.element_attribute(bytes(info.key_len))
    if not info.is_interval:
        return _Shape(start, elements.KEY_OFFSET, None)
    template = start + elements.element_attribute(bytes(info.key_len), elements.INTERVAL_END)
    return _Shape(template, elements.KEY_OFFSET, len(start) + elements.KEY_OFFSET)


def encode_lists(info: SetInfo, plain: PlainElements) -> Iterator[bytes]:
    """Yield the elements as list attributes: the same bytes as elements.list_attributes(elements.encode(…))."""
    template, start, end = _shape(info)
    size, stride = plain.size, len(template)
    end_keys = _bytes(size, [last + 1 for last in _numbers(size, plain.ends)]) if end is not None else b""
    most = elements.MAX_LIST // stride
    for first in range(0, len(plain), most):
        count = min(most, len(plain) - first)
        encoded = bytearray(template * count)
        for offset in range(size):
            column = slice(first * size + offset, (first + count) * size, size)
            encoded[start + offset :: stride] = plain.starts[column]
            if end is not None:
                encoded[end + offset :: stride] = end_keys[column]
        yield wire.attribute(elements.LIST_ELEMENTS | wire.NLA_F_NESTED, bytes(encoded))


def decode_lists(info: SetInfo, encoded: bytes) -> PlainElements | None:
    """Return the elements of a dump's lists, one after another; None when any of them has more than keys.

    The kernel sends intervals from the highest key down, each end before its start; nft adds an end at the lowest key.
    """
    shape = _dump_shape(info, encoded)
    if shape is None:
        return None
    template, start, end = shape
    if end is not None and len(encoded) % len(template) == start - end:
        if encoded[end - start :] != template[: start - end]:
            return None
        encoded = encoded[: end - start]
    size, stride = info.key_len, len(template)
    if len(encoded) % stride or not _repeats(encoded, shape, size):
        return None
    keys = _column(encoded, start, size, stride)
    if end is None:
        return _single_keys(size, list(_keys(size, keys)))
    firsts = _numbers(size, keys)
    firsts.reverse()
    lasts = [end_key - 1 for end_key in reversed(_numbers(size, _column(encoded, end, size, stride)))]
    paired = not any(map(lt, lasts, firsts)) and _in_order(firsts, lasts, 0)
    return _intervals(size, firsts, lasts, gap=0) if paired else None


def _repeats(encoded: bytes, shape: _Shape, size: int) -> bool:
    """Return whether the bytes repeat the template but for the keys."""
    stride = len(shape.template)
    count = len(encoded) // stride
    blank = bytearray(encoded)
    for key in (shape.start, shape.end):
        for offset in range(size if key is not None else 0):
            blank[(key or 0) + offset :: stride] = bytes(count)
    return blank == shape.template * count


def _dump_shape(info: SetInfo, encoded: bytes) -> _Shape | None:
    """Return the shape that the first element of a dump has; None when it has more than keys."""
    if not info.version or not encoded:
        return None
    flags = [elements.INTERVAL_END, 0] if info.is_interval else [0]
    items = list(islice(split_list(encoded), 2))
    raws = [decode_element(info, item) for item in items[: len(flags)]]
    headers = key_headers(info.key_len)
    if (
        any(raw[2:] != (None, None, None) for raw in raws)
        or [raw.flags for raw in raws] != flags
        or any(item[4 : elements.KEY_OFFSET] not in headers for item in items)
    ):
        return None
    blank = [_without_key(item, info.key_len) for item in items[: len(flags)]]
    if len(blank) == 1:
        return _Shape(blank[0], elements.KEY_OFFSET, None)
    return _Shape(b"".join(blank), len(blank[0]) + elements.KEY_OFFSET, elements.KEY_OFFSET)


def _without_key(item: bytes, size: int) -> bytes:
    """Return an element with zeros in the place of its key, padded."""
    blank = item[: elements.KEY_OFFSET] + bytes(size) + item[elements.KEY_OFFSET + size :]
    return blank + bytes(-len(blank) % 4)


def _column(encoded: bytes, key: int, size: int, stride: int) -> bytes:
    """Return the keys at an offset of each element, one after another."""
    keys = bytearray(size * (len(encoded) // stride))
    for offset in range(size):
        keys[offset::size] = encoded[key + offset :: stride]
    return bytes(keys)
