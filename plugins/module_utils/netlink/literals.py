# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements in nft's text, "10.0.0.0/8 . tcp . 443-444", to keys of a given set and back.

Reads what nft lists, and the spellings whose meaning does not depend on the host (prefixes with host bits, upper-case
IPv6, numbers for protocols). Everything else (service names, host names, variables) raises UnknownLiteral: nft decides.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import Callable, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import host_masks, prefix_length

from . import field_types as types
from .collector import paused
from .declaration import Layout, SetInfo
from .elements import CATCH_ALL, Element
from .errors import UnknownLiteral, UnsupportedSet
from .field_types import FieldType

_WITH_PREFIX = ("ipv4_addr", "ipv6_addr")


def reader(info: SetInfo) -> Callable[[str], Element]:
    """A function from one element's text, without comment or timeout, to an Element of this set.

    Make it once for many elements. UnsupportedSet when the set has a type that this layer does not know.
    """
    intervals = info.layout is not Layout.HASH
    readers = [_field_reader(*field, intervals) for field in _fields(info)]
    if len(readers) == 1:
        read_key = readers[0]

        def read_one(text: str) -> Element:
            return Element(CATCH_ALL, CATCH_ALL) if text.strip() == "*" else Element(*read_key(text))

        return read_one
    paddings = [bytes(-length % 4) for length in info.lengths]

    def read_many(text: str) -> Element:
        words = text.split(" . ")
        if len(words) != len(readers):
            raise UnknownLiteral(f"{text!r} has {len(words)} fields, {info} has {len(readers)}")
        start = end = b""
        for word, read_field, padding in zip(words, readers, paddings):
            first, last = read_field(word)
            start += first + padding
            end += last + padding
        return Element(start, end)

    return read_many


def _field_reader(
    kind: FieldType, size: int, host_order: bool, intervals: bool
) -> Callable[[str], tuple[bytes, bytes]]:
    """From one field's text to its first and last value in bytes."""

    def read_any(text: str) -> tuple[bytes, bytes]:
        first, last = _read_field(kind, size, text.strip(), intervals)
        start = types.to_bytes(first, size, host_order)
        return start, start if first == last else types.to_bytes(last, size, host_order)

    if kind.name in _WITH_PREFIX:
        return _address_reader(size, intervals, read_any)
    # ports and protocols are few and come again and again
    return lru_cache(maxsize=1024)(read_any)


def _address_reader(
    size: int, intervals: bool, read_any: Callable[[str], tuple[bytes, bytes]]
) -> Callable[[str], tuple[bytes, bytes]]:
    """As read_any, which it asks for all but plain addresses and prefixes: about a microsecond each."""
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    masks = host_masks(size * 8) if intervals else {}

    def read_address(text: str) -> tuple[bytes, bytes]:
        base, slash, length = text.partition("/")
        try:
            raw = socket.inet_pton(family, base)
        except (OSError, ValueError):
            return read_any(text)
        if not slash:
            return raw, raw
        mask = masks.get(length)
        if not mask:
            return read_any(text)
        last = int.from_bytes(raw, "big") | mask
        return (last ^ mask).to_bytes(size, "big"), last.to_bytes(size, "big")

    return read_address


@paused
def read_all(info: SetInfo, texts: Iterable[str]) -> list[Element]:
    """Elements of many texts, one each."""
    return list(map(reader(info), texts))


def show(info: SetInfo, element: Element) -> str:
    """The element's key as nft lists it, without comment and timeout."""
    if element.start == CATCH_ALL:
        return "*"
    words = []
    offset = 0
    for kind, size, host_order in _fields(info):
        first = types.from_bytes(element.start[offset : offset + size], host_order)
        last = types.from_bytes(element.end[offset : offset + size], host_order)
        words.append(_show_field(kind, size, first, last))
        offset += (size + 3) & ~3
    return " . ".join(words)


def show_any(info: SetInfo, element: Element) -> str:
    """As show; the bytes of the keys where this layer has no text for the set's types."""
    try:
        return show(info, element)
    except UnsupportedSet:
        return f"0x{element.start.hex()}-0x{element.end.hex()}"


def _fields(info: SetInfo) -> list[tuple[FieldType, int, bool]]:
    """Type, size and byte order of each field of a key.

    Intervals are kept in network order throughout, for the kernel compares bytes. An integer of no special type has
    the order that the set says, which it does not for the fields of a concatenation.
    """
    found = []
    for name, size in zip(info.types, info.lengths):
        kind = types.BY_NAME.get(name)
        if kind is None or size == 0 or (kind.size and kind.size != size):
            raise UnsupportedSet(f"{info}: keys of type {info.types} and length {info.lengths}")
        if name == types.IFNAME and info.layout is not Layout.HASH:
            raise UnsupportedSet(f"{info}: intervals of interface names")
        if name == types.INTEGER and size > 1 and len(info.types) > 1 and info.layout is Layout.HASH:
            raise UnsupportedSet(f"{info}: the byte order of a concatenated integer is not known")
        host_order = kind.host_order or (name == types.INTEGER and info.host_order)
        found.append((kind, size, host_order and info.layout is Layout.HASH))
    return found


def _read_field(kind: FieldType, size: int, text: str, intervals: bool) -> tuple[int, int]:
    """First and last value of one field's text."""
    if "/" in text and kind.name in _WITH_PREFIX:
        first, last = _read_prefix(kind, size, text)
    elif "-" in text and kind.name not in (types.IFNAME, "inet_proto"):
        low, _dash, high = text.partition("-")
        first, last = kind.read(low.strip()), kind.read(high.strip())
    elif "-" in text and kind.name == "inet_proto":
        first, last = _read_protocols(kind, text)
    else:
        first = last = kind.read(text)
    if last < first:
        raise UnknownLiteral(f"{text!r} ends before it begins")
    if first != last and not intervals:
        raise UnknownLiteral(f"{text!r} is an interval and the set has no flag interval")
    return first, last


def _read_protocols(kind: FieldType, text: str) -> tuple[int, int]:
    """A protocol or a range of them; some names hold a dash themselves (ipv6-icmp)."""
    try:
        value = kind.read(text)
    except UnknownLiteral:
        low, _dash, high = text.partition("-")
        return kind.read(low.strip()), kind.read(high.strip())
    return value, value


def _read_prefix(kind: FieldType, size: int, text: str) -> tuple[int, int]:
    base, _slash, length = text.partition("/")
    mask = host_masks(size * 8).get(length)
    if mask is None:
        raise UnknownLiteral(f"{text!r} has no prefix length from 0 to {size * 8}")
    value = kind.read(base)
    return value & ~mask, value | mask


def _show_field(kind: FieldType, size: int, first: int, last: int) -> str:
    if first == last:
        return kind.show(first)
    length = prefix_length(first, last, size * 8) if kind.name in _WITH_PREFIX else None
    if length is not None:
        return f"{kind.show(first)}/{length}"
    show_one = str if kind.name == "inet_proto" else kind.show  # nft's grammar has no ranges of protocol words
    return f"{show_one(first)}-{show_one(last)}"
