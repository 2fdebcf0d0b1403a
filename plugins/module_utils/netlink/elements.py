# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets in the kernel's encoding, without a socket.

A set without the flag interval has one key an element. In a set with it, an interval is a start element and an end
element, which holds the key after the last one; an interval that reaches the highest key has no end element, and has a
flag in its userdata instead, which nft reads.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from . import wire
from .declaration import NFT_SET_TIMEOUT, SetInfo
from .errors import BadElement

if TYPE_CHECKING:
    from typing import Iterable, Iterator

KEY, FLAGS, TIMEOUT, EXPIRATION, USERDATA = 1, 3, 4, 5, 6
INTERVAL_END, CATCHALL = 0x1, 0x2
DATA_VALUE = 1
LIST_ELEM = 1
LIST_TABLE, LIST_SET, LIST_ELEMENTS = 1, 2, 3
UDATA_COMMENT, _UDATA_FLAGS = 0, 1
_UDATA_FLAG_OPEN = struct.pack("=I", 1)

# nft's own limit (NFTNL_UDATA_COMMENT_MAXLEN), the zero not counted.
MAX_COMMENT = 127
# A list of elements is one attribute, whose length has 16 bits.
MAX_LIST = 0xFFFF - 4
# Bytes before a key that comes first in its element: the headers of element, key and value.
KEY_OFFSET = 12
_MAX_MILLISECONDS = (1 << 63) - 1

CATCH_ALL = b""


class Element(NamedTuple):
    """One element: its first and last key, equal for a single one, in the set's own byte layout.

    CATCH_ALL as both is nft's `*`. timeout, expires: milliseconds, None when the set's default counts; timeout 0:
    never. expires: the remaining time, only read. comment: at most 127 bytes.
    """

    start: bytes
    end: bytes
    timeout: int | None = None
    expires: int | None = None
    comment: str | None = None


_NO_EXTRAS = (None, None, None)


def check_elements(info: SetInfo, elements: Iterable[Element]) -> None:
    """Raise BadElement for the first element that this set cannot hold."""
    length, interval = info.key_len, info.is_interval
    for element in elements:
        start, end = element[0], element[1]
        if (
            element[2:] == _NO_EXTRAS
            and len(start) == len(end) == length
            and (start == end or (interval and start < end))
        ):
            continue  # nearly all of a large set
        problem = _problem(info, element)
        if problem:
            raise BadElement(f"{info}: element {element.start.hex()}-{element.end.hex()} {problem}")


def _problem(info: SetInfo, element: Element) -> str:
    start, end, timeout, expires, comment = element
    if not start == end == CATCH_ALL:
        if len(start) != info.key_len or len(end) != info.key_len:
            return f"has not the {info.key_len} bytes of the set's keys"
        if start != end and not info.is_interval:
            return "is an interval and the set has no flag interval"
        if end < start:
            return "ends before it begins"
    if (timeout is not None or expires is not None) and not info.flags & NFT_SET_TIMEOUT:
        return "has a timeout and the set has no flag timeout"
    if any(value is not None and not 0 <= value <= _MAX_MILLISECONDS for value in (timeout, expires)):
        return "has a timeout out of range"
    if comment is not None and (not comment or "\0" in comment or len(_encoded(comment)) > MAX_COMMENT):
        return f"has a comment that is empty, contains a zero or is longer than {MAX_COMMENT} bytes"
    return ""


def _encoded(comment: str) -> bytes:
    return comment.encode("utf-8", "surrogateescape")


def key_attribute(kind: int, key: bytes) -> bytes:
    """Return the attribute of one key."""
    return wire.attribute(kind | wire.NLA_F_NESTED, wire.attribute(DATA_VALUE, key))


def element_attribute(key: bytes, flags: int = 0, *, extras: bytes = b"") -> bytes:
    """Return the attribute of one element. extras: attributes to append."""
    flags = flags if key != CATCH_ALL else CATCHALL
    body = key_attribute(KEY, key) if key != CATCH_ALL else b""
    if flags:
        body += wire.attribute(FLAGS, flags.to_bytes(4, "big"))
    return wire.attribute(LIST_ELEM | wire.NLA_F_NESTED, body + extras)


def _extras(element: Element, *, is_open: bool) -> bytes:
    extras = b""
    if element.timeout is not None:
        extras += wire.attribute(TIMEOUT, element.timeout.to_bytes(8, "big"))
    if element.expires is not None:
        extras += wire.attribute(EXPIRATION, element.expires.to_bytes(8, "big"))
    userdata = b""
    if element.comment is not None:
        userdata += wire.userdata(UDATA_COMMENT, _encoded(element.comment) + b"\0")
    if is_open:
        userdata += wire.userdata(_UDATA_FLAGS, _UDATA_FLAG_OPEN)
    return extras + (wire.attribute(USERDATA, userdata) if userdata else b"")


def encode(info: SetInfo, elements: Iterable[Element], *, keys_only: bool = False) -> Iterator[bytes]:
    """Yield the attribute or attributes of each element. keys_only: as a deletion needs them."""
    if info.is_interval:
        return _encode_intervals(info, elements, keys_only)
    return _encode_keys(info, elements, keys_only)


def _encode_keys(info: SetInfo, elements: Iterable[Element], keys_only: bool) -> Iterator[bytes]:
    padding = bytes(-info.key_len % 4)
    head = element_attribute(bytes(info.key_len))[:KEY_OFFSET]
    for element in elements:
        start = element[0]
        if start == CATCH_ALL or not (keys_only or element[2:] == _NO_EXTRAS):
            yield element_attribute(start, extras=b"" if keys_only else _extras(element, is_open=False))
        else:
            yield head + start + padding


def _encode_intervals(info: SetInfo, elements: Iterable[Element], keys_only: bool) -> Iterator[bytes]:
    length = info.key_len
    highest = info.highest_key
    padding = bytes(-length % 4)
    start_head = element_attribute(bytes(length))[:KEY_OFFSET]
    end_head = element_attribute(bytes(length), INTERVAL_END)[:KEY_OFFSET]
    end_tail = padding + wire.attribute(FLAGS, INTERVAL_END.to_bytes(4, "big"))
    for element in elements:
        start, end = element.start, element.end
        is_open = end == highest
        if start == CATCH_ALL or is_open or (not keys_only and element[2:] != _NO_EXTRAS):
            has_flag = is_open and start != CATCH_ALL
            head = element_attribute(start, extras=b"" if keys_only else _extras(element, is_open=has_flag))
        else:
            head = start_head + start + padding
        if is_open or start == CATCH_ALL:
            yield head
        else:
            yield head + end_head + (int.from_bytes(end, "big") + 1).to_bytes(length, "big") + end_tail


def set_reference(info: SetInfo) -> bytes:
    """Return the attributes that name the set in a message about elements."""
    return wire.string_attribute(LIST_TABLE, info.table) + wire.string_attribute(LIST_SET, info.name)


def list_attributes(encoded: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the encoded elements joined into as few list attributes as the format allows."""
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


def previous_key(key: bytes) -> bytes:
    """Return the key before a key that is not the lowest."""
    return (int.from_bytes(key, "big") - 1).to_bytes(len(key), "big")


def next_key(key: bytes) -> bytes | None:
    """Return the key after this one, None after the highest."""
    value = int.from_bytes(key, "big") + 1
    return None if value >> (8 * len(key)) else value.to_bytes(len(key), "big")
