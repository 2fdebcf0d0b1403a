# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets as the kernel sends them: every length checked, starts and ends joined to intervals."""

from __future__ import annotations

import struct
from typing import Iterable, Iterator, NamedTuple

from . import elements, wire
from .declaration import SetInfo
from .elements import CATCH_ALL, INTERVAL_END, KEY_OFFSET, Element
from .errors import MalformedMessage

_U16 = struct.Struct("=H")
_NO_EXTRAS = (None, None, None)


class RawElement(NamedTuple):
    """One element attribute of a message. The end of an interval is an element of its own, with a flag."""

    key: bytes
    flags: int
    timeout: int | None
    expires: int | None
    comment: str | None


def decode_message(info: SetInfo, message: wire.Message) -> list[RawElement]:
    """Return the elements in one NEWSETELEM message, which must be about this set."""
    return decode_list(info, element_list(info, message))


def decode_list(info: SetInfo, data: bytes) -> list[RawElement]:
    """Return the elements in a list.

    Nearly all elements of a large set differ in the key alone. So the bytes around the key are compared with those of
    an earlier element, and the attributes are parsed only where they differ.
    """
    raws: list[RawElement] = []
    shapes: dict[bytes, tuple[bytes, int]] = {}
    headers = key_headers(info.key_len)
    key_end = KEY_OFFSET + info.key_len
    for item in split_list(data):
        head = item[:KEY_OFFSET]
        shape = shapes.get(head)
        if shape is not None and shape[0] == item[key_end:]:
            raws.append(RawElement(item[KEY_OFFSET:key_end], shape[1], None, None, None))
            continue
        raw = decode_element(info, item)
        if head[4:] in headers and raw[2:] == _NO_EXTRAS:
            shapes[head] = (item[key_end:], raw.flags)
        raws.append(raw)
    return raws


def element_list(info: SetInfo, message: wire.Message) -> bytes:
    """Return the list of elements in one NEWSETELEM message, which must be about this set."""
    _family, attributes = wire.nft_payload(message, wire.NFT_MSG_NEWSETELEM)
    table, name = wire.text(attributes, elements.LIST_TABLE), wire.text(attributes, elements.LIST_SET)
    if (table, name) != (info.table, info.name):
        raise MalformedMessage(f"netlink: the kernel sent elements of set {table} {name} for a request about {info}")
    return attributes.get(elements.LIST_ELEMENTS, b"")


def split_list(data: bytes) -> Iterator[bytes]:
    """Yield the elements of a list, each still encoded."""
    offset, size = 0, len(data)
    while offset < size:
        length = _length_at(data, offset)
        yield data[offset : offset + length]
        offset += (length + 3) & ~3


def _length_at(data: bytes, offset: int) -> int:
    remaining = len(data) - offset
    length: int = _U16.unpack_from(data, offset)[0] if remaining >= 4 else 0
    if length < 4 or length > remaining:
        raise MalformedMessage(f"netlink: an element claims {length} bytes of {remaining}")
    return length


def key_headers(key_len: int) -> tuple[bytes, ...]:
    """Return the possible headers of a key that comes first in an element; kernels differ in marking it as nested."""
    value = wire.attribute(elements.DATA_VALUE, bytes(key_len))
    return tuple(wire.attribute(kind, value)[:8] for kind in (elements.KEY, elements.KEY | wire.NLA_F_NESTED))


def decode_element(info: SetInfo, item: bytes) -> RawElement:
    """Return one encoded element."""
    pairs = wire.parse_list(item)
    if len(pairs) != 1 or pairs[0][0] != elements.LIST_ELEM:
        raise MalformedMessage("netlink: a list of elements has another attribute in it")
    attributes = wire.parse_attributes(pairs[0][1])
    flags = wire.number(attributes, elements.FLAGS, 4) if elements.FLAGS in attributes else 0
    userdata = wire.parse_userdata(attributes.get(elements.USERDATA, b""))
    return RawElement(
        key=CATCH_ALL if flags & elements.CATCHALL else _decode_key(info, attributes),
        flags=flags,
        timeout=wire.number(attributes, elements.TIMEOUT, 8) if elements.TIMEOUT in attributes else None,
        expires=wire.number(attributes, elements.EXPIRATION, 8) if elements.EXPIRATION in attributes else None,
        comment=wire.userdata_text(userdata.get(elements.UDATA_COMMENT)),
    )


def _decode_key(info: SetInfo, attributes: dict[int, bytes]) -> bytes:
    value = wire.parse_attributes(attributes.get(elements.KEY, b"")).get(elements.DATA_VALUE)
    if value is None or len(value) != info.key_len:
        raise MalformedMessage(f"netlink: an element of {info} without a key of {info.key_len} bytes")
    return value


def assemble(info: SetInfo, raws: Iterable[RawElement]) -> list[Element]:
    """Return the elements of a whole dump, sorted by key, each once."""
    if info.is_interval:
        return _assemble_intervals(info, raws)
    unique = {raw.key: raw for raw in raws}
    return [element_of(unique[key], key) for key in sorted(unique)]


def _assemble_intervals(info: SetInfo, raws: Iterable[RawElement]) -> list[Element]:
    """Return intervals as the kernel's lookup sees them: an interval lasts until the next start or end.

    An end without a start is no element: nft puts one at the lowest key, and an expired start leaves its own behind.
    """
    edges = list(raws)
    edges.reverse()  # the kernel sends the highest first; sorting what is sorted costs little
    edges.sort(key=_edge_order)
    intervals: list[Element] = []
    start: RawElement | None = None
    for raw in edges:
        if raw.key == CATCH_ALL:
            intervals.append(element_of(raw, CATCH_ALL))
            continue
        is_start = not raw.flags & INTERVAL_END
        if start is not None:
            if is_start and start.key == raw.key:
                continue
            intervals.append(element_of(start, elements.previous_key(raw.key)))
        start = raw if is_start else None
    if start is not None:
        intervals.append(element_of(start, info.highest_key))
    return intervals


def _edge_order(raw: RawElement) -> bytes:
    """By key, an end before a start at the same key."""
    return raw[0] + (b"\0" if raw[1] & INTERVAL_END else b"\1")


def element_of(raw: RawElement, end: bytes) -> Element:
    """Return the element that starts with a raw element."""
    return Element(raw.key, end, raw.timeout, raw.expires, raw.comment)
