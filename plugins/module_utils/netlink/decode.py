# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets as the kernel sends them: every length checked, starts and ends joined to intervals."""

from __future__ import annotations

import struct
from typing import Iterable, Iterator, NamedTuple

from . import elements, wire
from .declaration import Layout, SetInfo
from .elements import CATCH_ALL, INTERVAL_END, Element
from .errors import MalformedMessage

_U16 = struct.Struct("=H")
_NO_EXTRAS = (None, None, None)
_HEAD = elements.HEAD


class Raw(NamedTuple):
    """One element attribute as the kernel sent it."""

    key: bytes
    key_end: bytes | None
    flags: int
    timeout: int | None
    expires: int | None
    comment: str | None


def decode_message(info: SetInfo, received: wire.Message) -> list[Raw]:
    """The elements in one NEWSETELEM message, which must be about this set."""
    return decode_list(info, listed(info, received))


def decode_list(info: SetInfo, data: bytes) -> list[Raw]:
    """The elements in a list.

    Nearly all elements of a large set differ in nothing but the key, so the bytes around the key are compared with
    those of an element seen before, and the attributes are taken apart only where they differ.
    """
    found: list[Raw] = []
    shapes: dict[bytes, tuple[bytes, int]] = {}
    first = key_first(info.key_len)
    key_end = _HEAD + info.key_len
    for item in split(data):
        head = item[:_HEAD]
        shape = shapes.get(head)
        if shape is not None and shape[0] == item[key_end:]:
            found.append(Raw(item[_HEAD:key_end], None, shape[1], None, None, None))
            continue
        raw = decode_one(info, item)
        if head[4:] in first and raw.key_end is None and raw[3:] == _NO_EXTRAS:
            shapes[head] = (item[key_end:], raw.flags)
        found.append(raw)
    return found


def listed(info: SetInfo, received: wire.Message) -> bytes:
    """The list of elements in one NEWSETELEM message, which must be about this set."""
    _family, attributes = wire.nft_payload(received, wire.NFT_MSG_NEWSETELEM)
    named = (wire.text(attributes, elements.LIST_TABLE), wire.text(attributes, elements.LIST_SET))
    if named != (info.table, info.name):
        raise MalformedMessage(f"netlink: elements of {named} came while those of {info} were asked for")
    return attributes.get(elements.LIST_ELEMENTS, b"")


def split(data: bytes) -> Iterator[bytes]:
    """The elements of a list, each still encoded."""
    offset, size = 0, len(data)
    while offset < size:
        length = _length_at(data, offset)
        yield data[offset : offset + length]
        offset += (length + 3) & ~3


def _length_at(data: bytes, offset: int) -> int:
    left = len(data) - offset
    length: int = _U16.unpack_from(data, offset)[0] if left >= 4 else 0
    if length < 4 or length > left:
        raise MalformedMessage(f"netlink: an element claims {length} bytes of {left}")
    return length


def key_first(key_len: int) -> tuple[bytes, ...]:
    """The headers of a key that comes first in an element; kernels differ in marking it as nested."""
    value = wire.attribute(elements.DATA_VALUE, bytes(key_len))
    return tuple(wire.attribute(kind, value)[:8] for kind in (elements.KEY, elements.KEY | wire.NLA_F_NESTED))


def decode_one(info: SetInfo, item: bytes) -> Raw:
    """One encoded element."""
    pairs = wire.parse_list(item)
    if len(pairs) != 1 or pairs[0][0] != elements.LIST_ELEM:
        raise MalformedMessage("netlink: a list of elements holds something else")
    attributes = wire.parse_attributes(pairs[0][1])
    flags = wire.number(attributes, elements.FLAGS, 4) if elements.FLAGS in attributes else 0
    key = CATCH_ALL if flags & elements.CATCHALL else _decode_key(info, attributes, elements.KEY)
    notes = wire.parse_userdata(attributes.get(elements.USERDATA, b""))
    return Raw(
        key,
        _decode_key(info, attributes, elements.KEY_END) if elements.KEY_END in attributes else None,
        flags,
        wire.number(attributes, elements.TIMEOUT, 8) if elements.TIMEOUT in attributes else None,
        wire.number(attributes, elements.EXPIRATION, 8) if elements.EXPIRATION in attributes else None,
        wire.userdata_text(notes.get(elements.NOTE_COMMENT)),
    )


def _decode_key(info: SetInfo, attributes: dict[int, bytes], kind: int) -> bytes:
    value = wire.parse_attributes(attributes.get(kind, b"")).get(elements.DATA_VALUE)
    if value is None or len(value) != info.key_len:
        raise MalformedMessage(f"netlink: an element of {info} without a key of {info.key_len} bytes")
    return value


def assemble(info: SetInfo, raws: Iterable[Raw]) -> list[Element]:
    """The elements, sorted by key, from all that a dump brought; each once."""
    if info.layout is Layout.TREE:
        return _assemble_tree(info, raws)
    unique = {raw[0]: raw for raw in raws}
    ordered = [unique[key] for key in sorted(unique)]
    return [Element(key, end or key, own, left, note) for key, end, _flags, own, left, note in ordered]


def _assemble_tree(info: SetInfo, raws: Iterable[Raw]) -> list[Element]:
    """Pairs starts with ends as the kernel's lookup does: an interval lasts until the next start or end.

    An end without a start is no element: nft puts one at the lowest key, and an expired start leaves its own behind.
    """
    edges = list(raws)
    edges.reverse()  # the kernel sends the highest first; sorting what is sorted costs little
    edges.sort(key=_edge_order)
    found: list[Element] = []
    begun: Raw | None = None
    for raw in edges:
        if raw.key == CATCH_ALL:
            found.append(_element(raw, CATCH_ALL))
            continue
        starts = not raw.flags & INTERVAL_END
        if begun is not None:
            if starts and begun.key == raw.key:
                continue
            found.append(_element(begun, elements.before(raw.key)))
        begun = raw if starts else None
    if begun is not None:
        found.append(_element(begun, b"\xff" * info.key_len))
    return found


def _edge_order(raw: Raw) -> bytes:
    """By key, an end before a start at the same key."""
    return raw[0] + (b"\0" if raw[2] & INTERVAL_END else b"\1")


def _element(raw: Raw, end: bytes) -> Element:
    return Element(raw.key, end, raw.timeout, raw.expires, raw.comment)
