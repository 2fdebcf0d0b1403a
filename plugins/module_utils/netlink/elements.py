# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets in the kernel's encoding, both ways, without a socket.

Three layouts (declaration.Layout). HASH: one key an element. RANGES (concatenated intervals): first and last key in one
element. TREE (plain intervals): a start element and an end element that holds the key after the last; an interval that
reaches the highest key has no end element, and says so in a note that nft reads.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from . import wire
from .declaration import NFT_SET_TIMEOUT, Layout, SetInfo
from .errors import BadElement

if TYPE_CHECKING:
    from typing import Iterable, Iterator

KEY, FLAGS, TIMEOUT, EXPIRATION, USERDATA, KEY_END = 1, 3, 4, 5, 6, 10
INTERVAL_END, CATCHALL = 0x1, 0x2
DATA_VALUE = 1
LIST_ELEM = 1
LIST_TABLE, LIST_SET, LIST_ELEMENTS = 1, 2, 3
NOTE_COMMENT, _NOTE_FLAGS = 0, 1
_NOTE_OPEN = struct.pack("=I", 1)

# nft's own limit (NFTNL_UDATA_COMMENT_MAXLEN), the zero not counted.
MAX_COMMENT = 127
# A list of elements is one attribute, whose length has 16 bits.
MAX_LIST = 0xFFFF - 4
HEAD = 12  # element, key and value headers before a key that comes first
_MAX_MILLISECONDS = (1 << 63) - 1

CATCH_ALL = b""


class Element(NamedTuple):
    """One element: its first and last key, equal for a single one, in the set's own byte layout.

    CATCH_ALL as both is nft's `*`. timeout and expires: milliseconds, None when the set's default rules; 0 as timeout:
    never. expires is only read, and written when elements are moved. comment: at most 127 bytes.
    """

    start: bytes
    end: bytes
    timeout: int | None = None
    expires: int | None = None
    comment: str | None = None


_NO_EXTRAS = (None, None, None)


def check(info: SetInfo, elements: Iterable[Element]) -> None:
    """BadElement for the first element that this set cannot hold."""
    length, tree = info.key_len, info.layout is Layout.TREE
    for element in elements:
        start, end = element[0], element[1]
        if element[2:] == _NO_EXTRAS and len(start) == len(end) == length and (start == end or (tree and start < end)):
            continue  # nearly all of a large set
        problem = _problem(info, element)
        if problem:
            raise BadElement(f"{info}: element {element.start.hex()}-{element.end.hex()} {problem}")


def _problem(info: SetInfo, element: Element) -> str:
    start, end, timeout, expires, comment = element
    if start == end == CATCH_ALL:
        if info.layout is Layout.RANGES:
            return "is a catch-all, which this layer leaves to nft in concatenated intervals"
    elif len(start) != info.key_len or len(end) != info.key_len:
        return f"has not the {info.key_len} bytes of the set's keys"
    elif start != end and info.layout is Layout.HASH:
        return "is an interval and the set has no flag interval"
    elif start != end and _reversed(info, start, end):
        return "ends before it begins"
    if (timeout is not None or expires is not None) and not info.flags & NFT_SET_TIMEOUT:
        return "has a timeout and the set has no flag timeout"
    if any(value is not None and not 0 <= value <= _MAX_MILLISECONDS for value in (timeout, expires)):
        return "has a timeout out of range"
    if comment is not None and (not comment or "\0" in comment or len(_encoded(comment)) > MAX_COMMENT):
        return f"has a comment that is empty, holds a zero or is over {MAX_COMMENT} bytes"
    return ""


def _reversed(info: SetInfo, start: bytes, end: bytes) -> bool:
    if info.layout is Layout.TREE:
        return end < start
    offset = 0
    for length in info.lengths:
        if end[offset : offset + length] < start[offset : offset + length]:
            return True
        offset += (length + 3) & ~3
    return False


def _encoded(comment: str) -> bytes:
    return comment.encode("utf-8", "surrogateescape")


def key_attribute(kind: int, key: bytes) -> bytes:
    return wire.attribute(kind | wire.NLA_F_NESTED, wire.attribute(DATA_VALUE, key))


def element_attribute(key: bytes, flags: int = 0, *, last: bytes | None = None, extras: bytes = b"") -> bytes:
    """One element; last: the last key of a concatenated interval; extras: attributes to append."""
    flags = flags if key != CATCH_ALL else CATCHALL
    body = key_attribute(KEY, key) if key != CATCH_ALL else b""
    if last is not None:
        body += key_attribute(KEY_END, last)
    if flags:
        body += wire.attribute(FLAGS, flags.to_bytes(4, "big"))
    return wire.attribute(LIST_ELEM | wire.NLA_F_NESTED, body + extras)


def _extras(element: Element, *, is_open: bool) -> bytes:
    found = b""
    if element.timeout is not None:
        found += wire.attribute(TIMEOUT, element.timeout.to_bytes(8, "big"))
    if element.expires is not None:
        found += wire.attribute(EXPIRATION, element.expires.to_bytes(8, "big"))
    notes = b""
    if element.comment is not None:
        notes += wire.userdata(NOTE_COMMENT, _encoded(element.comment) + b"\0")
    if is_open:
        notes += wire.userdata(_NOTE_FLAGS, _NOTE_OPEN)
    return found + (wire.attribute(USERDATA, notes) if notes else b"")


def encode(info: SetInfo, elements: Iterable[Element], *, bare: bool = False) -> Iterator[bytes]:
    """The attribute or attributes of each element; bare: keys only, as a deletion wants them."""
    if info.layout is Layout.TREE:
        return _encode_tree(info, elements, bare)
    return _encode_single(info, elements, bare)


def _encode_single(info: SetInfo, elements: Iterable[Element], bare: bool) -> Iterator[bytes]:
    ranges = info.layout is Layout.RANGES
    length = info.key_len
    zeros, padding = bytes(length), bytes(-length % 4)
    head = element_attribute(zeros, last=zeros if ranges else None)[:HEAD]
    middle = key_attribute(KEY_END, zeros)[: HEAD - 4]
    for element in elements:
        start, end = element[0], element[1]
        if start == CATCH_ALL or not (bare or element[2:] == _NO_EXTRAS):
            extras = b"" if bare else _extras(element, is_open=False)
            yield element_attribute(start, last=end if ranges else None, extras=extras)
        elif ranges:
            yield head + start + padding + middle + end + padding
        else:
            yield head + start + padding


def _encode_tree(info: SetInfo, elements: Iterable[Element], bare: bool) -> Iterator[bytes]:
    length = info.key_len
    highest = b"\xff" * length
    padding = bytes(-length % 4)
    start_head = element_attribute(bytes(length))[:HEAD]
    end_head = element_attribute(bytes(length), INTERVAL_END)[:HEAD]
    end_tail = padding + wire.attribute(FLAGS, INTERVAL_END.to_bytes(4, "big"))
    for element in elements:
        start, end = element.start, element.end
        is_open = end == highest
        if start == CATCH_ALL or is_open or (not bare and element[2:] != _NO_EXTRAS):
            open_note = is_open and start != CATCH_ALL
            head = element_attribute(start, extras=b"" if bare else _extras(element, is_open=open_note))
        else:
            head = start_head + start + padding
        if is_open or start == CATCH_ALL:
            yield head
        else:
            yield head + end_head + (int.from_bytes(end, "big") + 1).to_bytes(length, "big") + end_tail


def address(info: SetInfo) -> bytes:
    """The attributes that name the set in a message about elements."""
    return wire.string_attribute(LIST_TABLE, info.table) + wire.string_attribute(LIST_SET, info.name)


def lists(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """The encoded elements joined into as few list attributes as the format allows."""
    parts: list[bytes] = []
    size = 0
    for part in encoded:
        if size + len(part) > MAX_LIST:
            yield wire.attribute(LIST_ELEMENTS | wire.NLA_F_NESTED, b"".join(parts))
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        yield wire.attribute(LIST_ELEMENTS | wire.NLA_F_NESTED, b"".join(parts))


def before(key: bytes) -> bytes:
    """The key before a key that is not the lowest."""
    return (int.from_bytes(key, "big") - 1).to_bytes(len(key), "big")


def after(key: bytes) -> bytes | None:
    """The key after this one, None after the highest."""
    value = int.from_bytes(key, "big") + 1
    return None if value >> (8 * len(key)) else value.to_bytes(len(key), "big")
