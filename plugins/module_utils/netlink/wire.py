# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of netlink messages, both ways: pure functions, no socket.

Layouts as in linux/netlink.h, linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h. Headers are in host byte
order, nf_tables integers in network byte order. Every length is checked: MalformedMessage when it does not fit.
"""

from __future__ import annotations

import struct
from typing import Callable, Collection, NamedTuple

from .errors import MalformedMessage, NetlinkError

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300
NLM_F_CREATE = 0x400
NLM_F_EXCL = 0x200
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4

NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_NEWTABLE = 0
NFT_MSG_GETTABLE = 1
NFT_MSG_DELTABLE = 2
NFT_MSG_NEWRULE = 6
NFT_MSG_GETRULE = 7
NFT_MSG_NEWSET = 9
NFT_MSG_GETSET = 10
NFT_MSG_NEWSETELEM = 12
NFT_MSG_GETSETELEM = 13
NFT_MSG_DELSETELEM = 14
NFT_MSG_NEWGEN = 15
NFT_MSG_GETGEN = 16
NFT_MSG_NEWOBJ = 18
NFT_MSG_GETOBJ = 19

NFTA_TABLE_NAME = 1
NFTA_TABLE_HANDLE = 4
NFTA_RULE_TABLE = 1
NFTA_RULE_CHAIN = 2
NFTA_RULE_HANDLE = 3
NFTA_RULE_EXPRESSIONS = 4
NFTA_EXPR_NAME = 1
NFTA_GEN_ID = 1
NFTA_OBJ_TABLE = 1
NFTA_OBJ_NAME = 2
NFTA_OBJ_TYPE = 3
NFTA_OBJ_DATA = 4
NFTA_COUNTER_BYTES = 1
NFTA_COUNTER_PACKETS = 2

NFT_OBJECT_COUNTER = 1

NLMSGERR_ATTR_MSG = 1
NLMSGERR_ATTR_OFFS = 2

NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF

# The families by nft's names, with their numbers in a message (NFPROTO_*).
FAMILIES: dict[str, int] = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
_FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}

_BATCH_BEGIN = 16
_BATCH_END = 17
_BATCH_GENID = 1

_HEADER = struct.Struct("=IHHII")
_NFGENMSG = struct.Struct(">BBH")
_ATTRIBUTE = struct.Struct("=HH")
_S32 = struct.Struct("=i")
_U32 = struct.Struct("=I")
HEADER_LEN = _HEADER.size
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Message(NamedTuple):
    """One netlink message. payload: the bytes after the header of 16 bytes."""

    type: int
    flags: int
    seq: int
    payload: bytes


class KernelAnswer(NamedTuple):
    """An NLMSG_ERROR message. error: positive errno, 0 for an acknowledgement; text: the kernel's words.

    offset: of the attribute in the request that the kernel objects to, -1 when it does not say.
    """

    error: int
    text: str
    offset: int


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    length = len(value) + 4
    if length > 0xFFFF:
        raise ValueError(f"attribute {kind} of {length} bytes: an attribute holds at most 65535")
    return _ATTRIBUTE.pack(length, kind) + value + _PADDING[length & 3]


def string_attribute(kind: int, text: str) -> bytes:
    """Return a zero-terminated string attribute."""
    return attribute(kind, text.encode("utf-8", "surrogateescape") + b"\0")


def message(kind: int, flags: int, seq: int, payload: bytes) -> bytes:
    """Return one message with its header."""
    return _HEADER.pack(HEADER_LEN + len(payload), kind, flags, seq, 0) + payload


def nft_message(kind: int, flags: int, seq: int, family: int, attributes: bytes) -> bytes:
    """Return a request to nf_tables. kind: one of NFT_MSG_*."""
    payload = _NFGENMSG.pack(family, 0, 0) + attributes
    return message(NFNL_SUBSYS_NFTABLES << 8 | kind, flags | NLM_F_REQUEST, seq, payload)


def batch_begin(seq: int, generation: int | None = None) -> bytes:
    """Return the message that begins a transaction, which the kernel refuses (ERESTART) at another generation."""
    pin = b"" if generation is None else attribute(_BATCH_GENID, generation.to_bytes(4, "big"))
    return message(_BATCH_BEGIN, NLM_F_REQUEST, seq, _NFGENMSG.pack(0, 0, NFNL_SUBSYS_NFTABLES) + pin)


def batch_end(seq: int) -> bytes:
    """Return the message that ends a transaction: without it nothing is changed."""
    return message(_BATCH_END, NLM_F_REQUEST, seq, _NFGENMSG.pack(0, 0, NFNL_SUBSYS_NFTABLES))


def family_number(family: str) -> int:
    """Return the number of a family of nft; NetlinkError for another word."""
    if family not in FAMILIES:
        raise NetlinkError(f"nft has no family {family!r}; it has {', '.join(FAMILIES)}")
    return FAMILIES[family]


def family_name(number: int) -> str:
    """Return nft's name of a family number; the number itself where nft has no name."""
    return _FAMILY_NAMES.get(number, str(number))


def parse_messages(data: bytes) -> list[Message]:
    """Return the messages in one datagram, in order."""
    messages = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < HEADER_LEN:
            raise MalformedMessage(f"netlink: {end - offset} bytes where a message header of 16 bytes is expected")
        length, kind, flags, seq, _port = _HEADER.unpack_from(data, offset)
        if length < HEADER_LEN or length > end - offset:
            raise MalformedMessage(f"netlink: a message claims {length} bytes of {end - offset}")
        messages.append(Message(kind, flags, seq, data[offset + HEADER_LEN : offset + length]))
        offset += (length + 3) & ~3
    return messages


def parse_list(data: bytes) -> list[tuple[int, bytes]]:
    """Return the attributes in data as (type, value), in order; types may repeat."""
    pairs = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < 4:
            raise MalformedMessage(f"netlink: {end - offset} bytes where an attribute header of 4 bytes is expected")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or length > end - offset:
            raise MalformedMessage(f"netlink: an attribute claims {length} bytes of {end - offset}")
        pairs.append((kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]))
        offset += (length + 3) & ~3
    return pairs


def change(data: bytes, value_of: Callable[[int, bytes], bytes | None]) -> bytes:
    """Return attributes with other values. value_of: gives it for a type and value, None to leave the attribute out."""
    parts = []
    offset = 0
    # The types in data carry flags, which have to stay.
    for kind, value in parse_list(data):
        flags = _ATTRIBUTE.unpack_from(data, offset)[1] & ~_NLA_TYPE_MASK
        offset += (len(value) + 4 + 3) & ~3
        changed = value_of(kind, value)
        if changed is not None:
            parts.append(attribute(kind | flags, changed))
    return b"".join(parts)


def without(data: bytes, kinds: Collection[int]) -> bytes:
    """Return attributes without those of some types."""
    return change(data, lambda kind, value: None if kind in kinds else value)


def parse_attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes in data by type. Raises MalformedMessage for a type that comes twice."""
    pairs = parse_list(data)
    attributes = dict(pairs)
    if len(attributes) != len(pairs):
        raise MalformedMessage("netlink: an attribute comes twice in one message")
    return attributes


def nft_payload(received: Message, kind: int) -> tuple[int, dict[int, bytes]]:
    """Return family number and attributes of an nf_tables answer, which must be of NFT_MSG_* kind."""
    if received.type != NFNL_SUBSYS_NFTABLES << 8 | kind:
        raise MalformedMessage(f"netlink: a message of type {received.type:#x} in place of nf_tables {kind}")
    if len(received.payload) < _NFGENMSG.size:
        raise MalformedMessage(f"netlink: an nf_tables message with {len(received.payload)} bytes of payload")
    return received.payload[0], parse_attributes(received.payload[_NFGENMSG.size :])


def number(attributes: dict[int, bytes], kind: int, size: int) -> int:
    """Return an unsigned integer attribute, in network byte order, of exactly size bytes."""
    value = attributes.get(kind)
    if value is None or len(value) != size:
        problem = "is missing" if value is None else f"has {len(value)} bytes"
        raise MalformedMessage(f"netlink: attribute {kind} {problem}, {size} expected")
    return int.from_bytes(value, "big")


def text(attributes: dict[int, bytes], kind: int) -> str:
    """Return a zero-terminated string attribute; bytes that are not UTF-8 become backslash escapes."""
    value = attributes.get(kind)
    if value is None or not value.endswith(b"\0") or b"\0" in value[:-1]:
        raise MalformedMessage(f"netlink: attribute {kind} is not a zero-terminated string")
    return value[:-1].decode("utf-8", "backslashreplace")


def userdata(kind: int, value: bytes) -> bytes:
    """Return one item of nft's userdata, in libnftnl's layout: a byte of type, a byte of length, the value."""
    return bytes((kind, len(value))) + value


def parse_userdata(data: bytes) -> dict[int, bytes]:
    """Return the items of nft's userdata by type; {} for another layout, which any program may use."""
    items: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        if offset + 2 > len(data) or offset + 2 + data[offset + 1] > len(data):
            return {}
        start, end = offset + 2, offset + 2 + data[offset + 1]
        items[data[offset]] = data[start:end]
        offset = end
    return items


def userdata_text(value: bytes | None) -> str | None:
    """Return a text in nft's userdata, such as a comment."""
    return None if value is None else value.rstrip(b"\0").decode("utf-8", "backslashreplace")


def parse_error(received: Message) -> KernelAnswer:
    """Return the content of an NLMSG_ERROR message."""
    payload = received.payload
    if len(payload) < 4 + HEADER_LEN:
        raise MalformedMessage(f"netlink: an error message with {len(payload)} bytes of payload")
    error = -_S32.unpack_from(payload)[0]
    if error < 0:
        raise MalformedMessage(f"netlink: an error message with the positive error {-error}")
    if not received.flags & NLM_F_ACK_TLVS:
        return KernelAnswer(error, "", -1)
    quoted = HEADER_LEN if received.flags & NLM_F_CAPPED else (_U32.unpack_from(payload, 4)[0] + 3) & ~3
    if quoted < HEADER_LEN or 4 + quoted > len(payload):
        raise MalformedMessage(f"netlink: an error message quotes {quoted} bytes of {len(payload) - 4}")
    attributes = parse_attributes(payload[4 + quoted :])
    text = attributes.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode("utf-8", "backslashreplace")
    offset = attributes.get(NLMSGERR_ATTR_OFFS)
    if offset is not None and len(offset) != 4:
        raise MalformedMessage(f"netlink: an error offset of {len(offset)} bytes")
    return KernelAnswer(error, text, -1 if offset is None else _U32.unpack(offset)[0])


def parse_done(received: Message) -> int:
    """Return the positive errno in an NLMSG_DONE message, 0 when the dump is complete."""
    if len(received.payload) < 4:
        raise MalformedMessage(f"netlink: the end of a dump with {len(received.payload)} bytes of payload")
    status: int = _S32.unpack_from(received.payload)[0]
    return -status if status < 0 else 0
