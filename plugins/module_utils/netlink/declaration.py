# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration of one set as the kernel has it, read without nft."""

from __future__ import annotations

from dataclasses import dataclass

from . import wire
from .connection import Connection
from .errors import MalformedMessage, UnsupportedSet

NFT_SET_CONSTANT = 0x2
NFT_SET_INTERVAL = 0x4
NFT_SET_MAP = 0x8
NFT_SET_TIMEOUT = 0x10
NFT_SET_EVAL = 0x20
NFT_SET_OBJECT = 0x40

# nft's words for the flags; the kernel's other bits have no word.
_FLAG_WORDS = {
    NFT_SET_CONSTANT: "constant",
    NFT_SET_INTERVAL: "interval",
    NFT_SET_TIMEOUT: "timeout",
    NFT_SET_EVAL: "dynamic",
}

# The kernel keeps the number of nft's data type with the set (enum datatypes of nft), six bits a field.
_IPV4_ADDR, _IPV6_ADDR = 7, 8
_LARGEST_TYPE = 0x3F
_VERSIONS = {(_IPV4_ADDR, 4): 4, (_IPV6_ADDR, 16): 6}

_TABLE, _NAME, _FLAGS, _KEY_TYPE, _KEY_LEN = 1, 2, 3, 4, 5
_DESC, _TIMEOUT, _GC_INTERVAL, _USERDATA, _HANDLE = 9, 11, 12, 13, 16
_EXPR, _EXPRESSIONS, _COUNT = 17, 18, 20
_DESC_SIZE, _DESC_CONCAT = 1, 2
_UDATA_MERGE, _UDATA_COMMENT = 2, 7
_POLICY, _ID = 8, 10
_COPIED = (_FLAGS, _KEY_TYPE, _KEY_LEN, _POLICY, _TIMEOUT, _GC_INTERVAL, _USERDATA)


@dataclass(frozen=True)
class SetInfo:
    """A set's declaration.

    flags: the kernel's bits (NFT_SET_*). key_type: nft's number of the data type. key_len: bytes of a key. timeout,
    gc_interval: milliseconds. size: limit of elements. count: elements now, None before Linux 6.15. statements: whether
    elements have statements such as a counter.
    """

    family: str
    table: str
    name: str
    handle: int
    flags: int
    key_type: int
    key_len: int
    is_concatenated: bool = False
    timeout: int | None = None
    gc_interval: int | None = None
    size: int | None = None
    count: int | None = None
    auto_merge: bool = False
    statements: bool = False
    comment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Nft's words for the flags, sorted."""
        return tuple(sorted(word for bit, word in _FLAG_WORDS.items() if self.flags & bit))

    @property
    def is_map(self) -> bool:
        """Whether it is a map."""
        return bool(self.flags & (NFT_SET_MAP | NFT_SET_OBJECT))

    @property
    def is_interval(self) -> bool:
        """Whether it has the flag interval."""
        return bool(self.flags & NFT_SET_INTERVAL)

    @property
    def version(self) -> int:
        """The IP version of the keys, 0 when they are not addresses."""
        return 0 if self.is_concatenated else _VERSIONS.get((self.key_type, self.key_len), 0)

    @property
    def highest_key(self) -> bytes:
        """The last key that there can be."""
        return b"\xff" * self.key_len

    def __str__(self) -> str:
        return f"set {self.family} {self.table} {self.name}"


def get_set(family: str, table: str, name: str) -> SetInfo:
    """Return the declaration of one set; NoSuchObject when table or set does not exist."""
    with Connection() as kernel:
        return read_set(kernel, family, table, name)


def get_recipe(family: str, table: str, name: str) -> tuple[SetInfo, bytes]:
    """Return a set's declaration, and the attributes, without table and name, that make another set like it.

    Not for maps, whose data type is left out. NoSuchObject when table or set does not exist.
    """
    with Connection() as kernel:
        attributes = _request(kernel, family, table, name)
    recipe = b"".join(wire.attribute(kind, attributes[kind]) for kind in _COPIED if kind in attributes)
    if _DESC in attributes:
        recipe += wire.attribute(_DESC | wire.NLA_F_NESTED, attributes[_DESC])
    return parse_set(family, attributes), recipe + wire.attribute(_ID, (1).to_bytes(4, "big"))


def read_set(kernel: Connection, family: str, table: str, name: str) -> SetInfo:
    """Return the same as get_set, over an open connection."""
    return parse_set(family, _request(kernel, family, table, name))


def _request(kernel: Connection, family: str, table: str, name: str) -> dict[int, bytes]:
    action = f"reading set {family} {table} {name}"
    request = wire.string_attribute(_TABLE, table) + wire.string_attribute(_NAME, name)
    answers = kernel.ask(action, wire.NFT_MSG_GETSET, wire.family_number(family), request)
    if len(answers) != 1:
        raise MalformedMessage(f"{action}: the kernel sent {len(answers)} answers, 1 expected")
    number, attributes = wire.nft_payload(answers[0], wire.NFT_MSG_NEWSET)
    reported = (wire.family_name(number), wire.text(attributes, _TABLE), wire.text(attributes, _NAME))
    if reported != (family, table, name):
        raise MalformedMessage(f"{action}: the kernel answered with set {' '.join(reported)}")
    return attributes


def parse_set(family: str, attributes: dict[int, bytes]) -> SetInfo:
    """Return the SetInfo in the attributes of a NEWSET message."""
    key_type = wire.number(attributes, _KEY_TYPE, 4) if _KEY_TYPE in attributes else 0
    key_len = wire.number(attributes, _KEY_LEN, 4)
    if not 0 < key_len <= 64:
        raise MalformedMessage(f"netlink: a set with keys of {key_len} bytes")
    size, fields = _description(attributes)
    userdata = wire.parse_userdata(attributes.get(_USERDATA, b""))
    return SetInfo(
        family=family,
        table=wire.text(attributes, _TABLE),
        name=wire.text(attributes, _NAME),
        handle=wire.number(attributes, _HANDLE, 8),
        flags=wire.number(attributes, _FLAGS, 4) if _FLAGS in attributes else 0,
        key_type=key_type,
        key_len=key_len,
        is_concatenated=key_type > _LARGEST_TYPE or fields > 1,
        timeout=wire.number(attributes, _TIMEOUT, 8) if _TIMEOUT in attributes else None,
        gc_interval=wire.number(attributes, _GC_INTERVAL, 4) if _GC_INTERVAL in attributes else None,
        size=size,
        count=wire.number(attributes, _COUNT, 4) if _COUNT in attributes else None,
        auto_merge=any(userdata.get(_UDATA_MERGE, b"")),
        statements=_EXPR in attributes or _EXPRESSIONS in attributes,
        comment=wire.userdata_text(userdata.get(_UDATA_COMMENT)),
    )


def require_supported(info: SetInfo) -> None:
    """Raise UnsupportedSet for a map or a concatenation."""
    if info.is_map:
        raise UnsupportedSet(f"{info} is a map; only nft changes maps")
    if info.is_concatenated:
        raise UnsupportedSet(f"{info} is a concatenation; only nft changes concatenations")


def _description(attributes: dict[int, bytes]) -> tuple[int | None, int]:
    """Return the limit of elements and the number of fields, which the kernel has for concatenated intervals only."""
    description = wire.parse_attributes(attributes.get(_DESC, b""))
    size = wire.number(description, _DESC_SIZE, 4) if _DESC_SIZE in description else None
    return size, len(wire.parse_list(description.get(_DESC_CONCAT, b"")))
