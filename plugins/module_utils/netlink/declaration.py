# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One set's declaration as the kernel has it, read without nft."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum

from . import field_types as types
from . import wire
from .connection import Connection
from .errors import MalformedMessage, UnsupportedSet

NFT_SET_ANONYMOUS = 0x1
NFT_SET_CONSTANT = 0x2
NFT_SET_INTERVAL = 0x4
NFT_SET_MAP = 0x8
NFT_SET_TIMEOUT = 0x10
NFT_SET_EVAL = 0x20
NFT_SET_OBJECT = 0x40

# What nft calls the flags; the kernel's other bits have no word of their own.
_FLAG_WORDS = {
    NFT_SET_CONSTANT: "constant",
    NFT_SET_INTERVAL: "interval",
    NFT_SET_TIMEOUT: "timeout",
    NFT_SET_EVAL: "dynamic",
}

_TABLE, _NAME, _FLAGS, _KEY_TYPE, _KEY_LEN = 1, 2, 3, 4, 5
_DESC, _TIMEOUT, _GC_INTERVAL, _USERDATA, _HANDLE = 9, 11, 12, 13, 16
_EXPR, _EXPRESSIONS, _COUNT = 17, 18, 20
_DESC_SIZE, _DESC_CONCAT = 1, 2
_UDATA_KEY_ORDER, _UDATA_MERGE, _UDATA_COMMENT = 0, 2, 7
_ORDER_HOST = 1
_POLICY, _ID = 8, 10
_COPIED = (_FLAGS, _KEY_TYPE, _KEY_LEN, _POLICY, _TIMEOUT, _GC_INTERVAL, _USERDATA)


class Layout(Enum):
    """How the kernel keeps the elements: single keys; starts and ends in one tree; pairs of concatenated keys."""

    HASH = "hash"
    TREE = "tree"
    RANGES = "ranges"


@dataclass(frozen=True)
class SetInfo:
    """A set's declaration.

    flags: the kernel's bits (NFT_SET_*); words: nft's words for them, sorted. key_len: bytes of a key, fields of a
    concatenation padded to four. types: nft's names of the fields, "" for a type that this layer does not know;
    lengths: bytes of each field unpadded, 0 when not known. host_order: the set says that its plain key is in host
    byte order. timeout, gc_interval: milliseconds. count: elements now, None before Linux 6.15.
    """

    family: str
    table: str
    name: str
    handle: int
    flags: int
    key_type: int
    key_len: int
    types: tuple[str, ...]
    lengths: tuple[int, ...]
    host_order: bool
    layout: Layout
    timeout: int | None = None
    gc_interval: int | None = None
    size: int | None = None
    count: int | None = None
    auto_merge: bool = False
    statements: bool = False
    comment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(sorted(word for bit, word in _FLAG_WORDS.items() if self.flags & bit))

    @property
    def is_map(self) -> bool:
        return bool(self.flags & (NFT_SET_MAP | NFT_SET_OBJECT))

    def __str__(self) -> str:
        return f"set {self.family} {self.table} {self.name}"


def get_set(family: str, table: str, name: str) -> SetInfo:
    """The declaration of one set; NoSuchObject when table or set is not there."""
    with Connection() as kernel:
        return read_set(kernel, family, table, name)


def get_recipe(family: str, table: str, name: str) -> tuple[SetInfo, bytes]:
    """A set's declaration, and what makes another set with the same: attributes without table and name.

    No maps: what they map to is left out. NoSuchObject when table or set is not there.
    """
    with Connection() as kernel:
        attributes = _ask(kernel, family, table, name)
    found = b"".join(wire.attribute(kind, attributes[kind]) for kind in _COPIED if kind in attributes)
    if _DESC in attributes:
        found += wire.attribute(_DESC | wire.NLA_F_NESTED, attributes[_DESC])
    return parse_set(family, attributes), found + wire.attribute(_ID, (1).to_bytes(4, "big"))


def read_set(kernel: Connection, family: str, table: str, name: str) -> SetInfo:
    """As get_set, over an open connection."""
    return parse_set(family, _ask(kernel, family, table, name))


def _ask(kernel: Connection, family: str, table: str, name: str) -> dict[int, bytes]:
    doing = f"reading set {family} {table} {name}"
    request = wire.string_attribute(_TABLE, table) + wire.string_attribute(_NAME, name)
    answers = kernel.ask(doing, wire.NFT_MSG_GETSET, wire.family_number(family), request)
    if len(answers) != 1:
        raise MalformedMessage(f"{doing}: {len(answers)} answers came, 1 expected")
    number, attributes = wire.nft_payload(answers[0], wire.NFT_MSG_NEWSET)
    told = (wire.family_name(number), wire.text(attributes, _TABLE), wire.text(attributes, _NAME))
    if told != (family, table, name):
        raise MalformedMessage(f"{doing}: the kernel answered with set {' '.join(told)}")
    return attributes


def parse_set(family: str, attributes: dict[int, bytes]) -> SetInfo:
    """A SetInfo from the attributes of a NEWSET message."""
    flags = wire.number(attributes, _FLAGS, 4) if _FLAGS in attributes else 0
    key_type = wire.number(attributes, _KEY_TYPE, 4) if _KEY_TYPE in attributes else 0
    key_len = wire.number(attributes, _KEY_LEN, 4)
    codes = types.field_codes(key_type)
    size, described = _description(attributes)
    told = wire.parse_userdata(attributes.get(_USERDATA, b""))
    lengths = described or _lengths(codes, key_len)
    if not 0 < key_len <= 64 or (0 not in lengths and _width(lengths) != key_len):
        raise MalformedMessage(f"netlink: a set with keys of {key_len} bytes whose fields have {lengths}")
    known = [types.BY_CODE.get(code) for code in codes]
    return SetInfo(
        family=family,
        table=wire.text(attributes, _TABLE),
        name=wire.text(attributes, _NAME),
        handle=wire.number(attributes, _HANDLE, 8),
        flags=flags,
        key_type=key_type,
        key_len=key_len,
        types=tuple(kind.name if kind else "" for kind in known),
        lengths=lengths,
        host_order=int.from_bytes(told.get(_UDATA_KEY_ORDER, b""), sys.byteorder) == _ORDER_HOST,
        layout=_layout(flags, described),
        timeout=wire.number(attributes, _TIMEOUT, 8) if _TIMEOUT in attributes else None,
        gc_interval=wire.number(attributes, _GC_INTERVAL, 4) if _GC_INTERVAL in attributes else None,
        size=size,
        count=wire.number(attributes, _COUNT, 4) if _COUNT in attributes else None,
        auto_merge=any(told.get(_UDATA_MERGE, b"")),
        statements=_EXPR in attributes or _EXPRESSIONS in attributes,
        comment=wire.userdata_text(told.get(_UDATA_COMMENT)),
    )


def require_plain(info: SetInfo) -> None:
    """Raises UnsupportedSet for a map and for a concatenation of intervals whose fields the kernel does not tell."""
    if info.is_map:
        raise UnsupportedSet(f"{info}: a map; only nft changes maps")
    if info.layout is Layout.TREE and len(info.lengths) > 1:
        raise UnsupportedSet(f"{info}: a concatenation of intervals without field lengths")


def _layout(flags: int, described: tuple[int, ...]) -> Layout:
    if not flags & NFT_SET_INTERVAL:
        return Layout.HASH
    return Layout.RANGES if len(described) > 1 else Layout.TREE


def _description(attributes: dict[int, bytes]) -> tuple[int | None, tuple[int, ...]]:
    """Size limit and field lengths; the kernel tells lengths only where nft gave them (concatenated intervals)."""
    told = wire.parse_attributes(attributes.get(_DESC, b""))
    size = wire.number(told, _DESC_SIZE, 4) if _DESC_SIZE in told else None
    fields = wire.parse_list(told.get(_DESC_CONCAT, b""))
    return size, tuple(wire.number(wire.parse_attributes(field), 1, 4) for _kind, field in fields)


def _lengths(codes: tuple[int, ...], key_len: int) -> tuple[int, ...]:
    if len(codes) == 1:
        return (key_len,)
    known = [types.BY_CODE.get(code) for code in codes]
    return tuple(kind.size if kind else 0 for kind in known)


def _width(lengths: tuple[int, ...]) -> int:
    return lengths[0] if len(lengths) == 1 else sum((length + 3) & ~3 for length in lengths)
