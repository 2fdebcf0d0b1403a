# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's data types as set keys: number, size, byte order, and one value as nft writes it in text.

A value is an unsigned integer here, whatever its type. The kernel does not know nft's types; it keeps the number that
nft stored with the set (NFTA_SET_KEY_TYPE, six bits a field in a concatenation).
"""

from __future__ import annotations

import re
import socket
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import UnknownLiteral

if TYPE_CHECKING:
    from typing import Callable

_TYPE_BITS = 6
_IFNAME_LEN = 16
INTEGER = "integer"
IFNAME = "ifname"

# Words of nft's own grammar, so that every version reads them even on hosts without /etc/protocols; the second table
# is only read, never written.
_PROTOCOL_WORDS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "esp": 50, "ah": 51, "sctp": 132}
_PROTOCOL_NAMES = {"gre": 47, "icmpv6": 58, "ipv6-icmp": 58, "comp": 108, "ipcomp": 108}
_WORD_OF_PROTOCOL = {number: word for word, number in _PROTOCOL_WORDS.items()}
_ETC_PROTOCOLS = Path("/etc/protocols")

_DECIMAL = re.compile(r"(0|[1-9][0-9]*)\Z", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z", re.ASCII)
_ETHER = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}\Z", re.ASCII)


class FieldType(NamedTuple):
    """One data type. size: bytes, 0 when each set has its own; host_order: little-endian on little-endian machines."""

    name: str
    code: int
    size: int
    read: Callable[[str], int]
    show: Callable[[int], str]
    host_order: bool = False


def _read_number(text: str) -> int:
    if _DECIMAL.match(text):
        return int(text)
    if _HEXADECIMAL.match(text):
        return int(text, 16)
    raise UnknownLiteral(f"{text!r} is no number")


def _read_ipv4(text: str) -> int:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except (OSError, ValueError) as error:
        raise UnknownLiteral(f"{text!r} is no IPv4 address") from error


def _show_ipv4(value: int) -> str:
    return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))


def _read_ipv6(text: str) -> int:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except (OSError, ValueError) as error:
        raise UnknownLiteral(f"{text!r} is no IPv6 address") from error


def _show_ipv6(value: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def _read_ether(text: str) -> int:
    if not _ETHER.match(text):
        raise UnknownLiteral(f"{text!r} is no Ethernet address")
    return int("".join(part.zfill(2) for part in text.split(":")), 16)


def _show_ether(value: int) -> str:
    return ":".join(f"{byte:02x}" for byte in value.to_bytes(6, "big"))


@lru_cache(maxsize=None)
def _protocols() -> dict[str, int]:
    """Protocol numbers by name: ours and /etc/protocols of this machine, as nft reads it."""
    known = {**_PROTOCOL_WORDS, **_PROTOCOL_NAMES}
    try:
        lines = _ETC_PROTOCOLS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return known
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) >= 2 and _DECIMAL.match(words[1]) and int(words[1]) < 256:
            known[words[0]] = int(words[1])
    return known


def _read_protocol(text: str) -> int:
    if text and text[0].isdigit():
        return _read_number(text)
    known = _protocols()
    if text not in known:
        raise UnknownLiteral(f"{text!r} is no protocol that this host knows")
    return known[text]


def _show_protocol(value: int) -> str:
    return _WORD_OF_PROTOCOL.get(value, str(value))


def _read_ifname(text: str) -> int:
    name = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    raw = name.encode("utf-8", "surrogateescape")
    if not 0 < len(raw) < _IFNAME_LEN or b"\0" in raw or raw.endswith(b"*"):
        raise UnknownLiteral(f"{text!r} is no interface name")
    return int.from_bytes(raw.ljust(_IFNAME_LEN, b"\0"), "big")


def _show_ifname(value: int) -> str:
    name = value.to_bytes(_IFNAME_LEN, "big").rstrip(b"\0").decode("utf-8", "backslashreplace")
    return f'"{name}"'


def _show_mark(value: int) -> str:
    return f"0x{value:08x}"


# The numbers are nft's own (enum datatypes), part of its format since sets could be listed.
_TYPES = (
    FieldType(INTEGER, 4, 0, _read_number, str),
    FieldType("ipv4_addr", 7, 4, _read_ipv4, _show_ipv4),
    FieldType("ipv6_addr", 8, 16, _read_ipv6, _show_ipv6),
    FieldType("ether_addr", 9, 6, _read_ether, _show_ether),
    FieldType("inet_proto", 12, 1, _read_protocol, _show_protocol),
    FieldType("inet_service", 13, 2, _read_number, str),
    FieldType("mark", 19, 4, _read_number, _show_mark, host_order=True),
    FieldType("uid", 24, 4, _read_number, str, host_order=True),
    FieldType("gid", 25, 4, _read_number, str, host_order=True),
    FieldType(IFNAME, 41, _IFNAME_LEN, _read_ifname, _show_ifname),
)
BY_CODE = {kind.code: kind for kind in _TYPES}
BY_NAME = {kind.name: kind for kind in _TYPES}


def field_codes(key_type: int) -> tuple[int, ...]:
    """The type numbers of a key's fields in order; one for a plain key."""
    codes = []
    while key_type:
        codes.append(key_type & ((1 << _TYPE_BITS) - 1))
        key_type >>= _TYPE_BITS
    return tuple(reversed(codes)) or (0,)


def to_bytes(value: int, size: int, host_order: bool) -> bytes:
    """One field as the kernel keeps it; UnknownLiteral when it does not fit into size bytes."""
    try:
        return value.to_bytes(size, sys.byteorder if host_order else "big")
    except OverflowError as error:
        raise UnknownLiteral(f"{value} is too large for a field of {size} bytes") from error


def from_bytes(raw: bytes, host_order: bool) -> int:
    """The value of one field."""
    return int.from_bytes(raw, sys.byteorder if host_order else "big")
