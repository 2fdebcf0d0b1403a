# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of netlink messages, both ways: pure functions, no socket.

Layouts as in linux/netlink.h, linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h. Headers are in host byte
order, nf_tables integers in network byte order. Every length that is read is checked; what does not fit raises
MalformedMessage.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

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

# What nft calls the families, by their number in a message (NFPROTO_*).
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
    """One netlink message; payload is what follows the 16 byte header."""

    type: int
    flags: int
    seq: int
    payload: bytes


class Answer(NamedTuple):
    """An NLMSG_ERROR message: positive errno (0 for an acknowledgement) and what the kernel says about it.

    offset: where the attribute that the kernel objects to begins in the request, -1 when it does not say.
    """

    error: int
    text: str
    offset: int


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = len(value) + 4
    if length > 0xFFFF:
        raise ValueError(f"attribute {kind} of {length} bytes: an attribute holds at most 65535")
    return _ATTRIBUTE.pack(length, kind) + value + _PADDING[length & 3]


def string_attribute(kind: int, text: str) -> bytes:
    """A zero-terminated string attribute."""
    return attribute(kind, text.encode("utf-8", "surrogateescape") + b"\0")


def message(kind: int, flags: int, seq: int, payload: bytes) -> bytes:
    """One whole message, header included."""
    return _HEADER.pack(HEADER_LEN + len(payload), kind, flags, seq, 0) + payload


def nft_message(kind: int, flags: int, seq: int, family: int, attributes: bytes) -> bytes:
    """A request to nf_tables; kind is one of NFT_MSG_*."""
    payload = _NFGENMSG.pack(family, 0, 0) + attributes
    return message(NFNL_SUBSYS_NFTABLES << 8 | kind, flags | NLM_F_REQUEST, seq, payload)


def batch_begin(seq: int, generation: int) -> bytes:
    """The message that begins a transaction, which the kernel refuses (ERESTART) at another generation."""
    pin = attribute(_BATCH_GENID, generation.to_bytes(4, "big"))
    return message(_BATCH_BEGIN, NLM_F_REQUEST, seq, _NFGENMSG.pack(0, 0, NFNL_SUBSYS_NFTABLES) + pin)


def batch_end(seq: int) -> bytes:
    """The message that ends a transaction: without it nothing is done."""
    return message(_BATCH_END, NLM_F_REQUEST, seq, _NFGENMSG.pack(0, 0, NFNL_SUBSYS_NFTABLES))


def family_number(family: str) -> int:
    """The number of one of nft's families; NetlinkError for another word."""
    if family not in FAMILIES:
        raise NetlinkError(f"family {family!r}: nft has {', '.join(FAMILIES)}")
    return FAMILIES[family]


def family_name(number: int) -> str:
    """What nft calls a family number; the number itself for one that nft does not have."""
    return _FAMILY_NAMES.get(number, str(number))


def parse_messages(data: bytes) -> list[Message]:
    """The messages in one received datagram, in order."""
    found = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < HEADER_LEN:
            raise MalformedMessage(f"netlink: {end - offset} bytes left where a message header of 16 should be")
        length, kind, flags, seq, _port = _HEADER.unpack_from(data, offset)
        if length < HEADER_LEN or length > end - offset:
            raise MalformedMessage(f"netlink: a message claims {length} bytes of the {end - offset} that came")
        found.append(Message(kind, flags, seq, data[offset + HEADER_LEN : offset + length]))
        offset += (length + 3) & ~3
    return found


def parse_list(data: bytes) -> list[tuple[int, bytes]]:
    """The attributes in data as (type, value), in order; types may repeat."""
    found = []
    offset, end = 0, len(data)
    while offset < end:
        if end - offset < 4:
            raise MalformedMessage(f"netlink: {end - offset} bytes left where an attribute header of 4 should be")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or length > end - offset:
            raise MalformedMessage(f"netlink: an attribute claims {length} bytes of {end - offset}")
        found.append((kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]))
        offset += (length + 3) & ~3
    return found


def parse_attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in data by type; a type that comes twice is an error."""
    pairs = parse_list(data)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedMessage("netlink: an attribute comes twice in one message")
    return found


def nft_payload(received: Message, kind: int) -> tuple[int, dict[int, bytes]]:
    """Family number and attributes of an nf_tables answer that must be of NFT_MSG_* kind."""
    if received.type != NFNL_SUBSYS_NFTABLES << 8 | kind:
        raise MalformedMessage(f"netlink: a message of type {received.type:#x} came instead of nf_tables {kind}")
    if len(received.payload) < _NFGENMSG.size:
        raise MalformedMessage(f"netlink: an nf_tables message with {len(received.payload)} bytes of payload")
    return received.payload[0], parse_attributes(received.payload[_NFGENMSG.size :])


def number(attributes: dict[int, bytes], kind: int, size: int) -> int:
    """An unsigned network-order integer attribute of exactly size bytes."""
    value = attributes.get(kind)
    if value is None or len(value) != size:
        got = "is missing" if value is None else f"has {len(value)} bytes"
        raise MalformedMessage(f"netlink: attribute {kind} {got}, {size} expected")
    return int.from_bytes(value, "big")


def text(attributes: dict[int, bytes], kind: int) -> str:
    """A zero-terminated string attribute; bytes that are no UTF-8 come out as backslash escapes."""
    value = attributes.get(kind)
    if value is None or not value.endswith(b"\0") or b"\0" in value[:-1]:
        raise MalformedMessage(f"netlink: attribute {kind} is no zero-terminated string")
    return value[:-1].decode("utf-8", "backslashreplace")


def userdata(kind: int, value: bytes) -> bytes:
    """One of nft's own notes on an object, as libnftnl lays them out: a byte type, a byte length, the value."""
    return bytes((kind, len(value))) + value


def parse_userdata(data: bytes) -> dict[int, bytes]:
    """nft's notes by type; empty when the bytes are somebody else's, for the kernel keeps whatever it was given."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        if offset + 2 > len(data) or offset + 2 + data[offset + 1] > len(data):
            return {}
        start, end = offset + 2, offset + 2 + data[offset + 1]
        found[data[offset]] = data[start:end]
        offset = end
    return found


def userdata_text(value: bytes | None) -> str | None:
    """A text among nft's notes, such as a comment."""
    return None if value is None else value.rstrip(b"\0").decode("utf-8", "backslashreplace")


def parse_error(received: Message) -> Answer:
    """What an NLMSG_ERROR message says."""
    payload = received.payload
    if len(payload) < 4 + HEADER_LEN:
        raise MalformedMessage(f"netlink: an error message with {len(payload)} bytes of payload")
    error = -_S32.unpack_from(payload)[0]
    if error < 0:
        raise MalformedMessage(f"netlink: an error message with the positive error {-error}")
    if not received.flags & NLM_F_ACK_TLVS:
        return Answer(error, "", -1)
    quoted = HEADER_LEN if received.flags & NLM_F_CAPPED else (_U32.unpack_from(payload, 4)[0] + 3) & ~3
    if quoted < HEADER_LEN or 4 + quoted > len(payload):
        raise MalformedMessage(f"netlink: an error message quotes {quoted} bytes of {len(payload) - 4}")
    told = parse_attributes(payload[4 + quoted :])
    words = told.get(NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode("utf-8", "backslashreplace")
    place = told.get(NLMSGERR_ATTR_OFFS)
    if place is not None and len(place) != 4:
        raise MalformedMessage(f"netlink: an error offset of {len(place)} bytes")
    return Answer(error, words, -1 if place is None else _U32.unpack(place)[0])


def parse_done(received: Message) -> int:
    """The positive errno in an NLMSG_DONE message, 0 when the dump is complete."""
    if len(received.payload) < 4:
        raise MalformedMessage(f"netlink: the end of a dump with {len(received.payload)} bytes of payload")
    status: int = _S32.unpack_from(received.payload)[0]
    return -status if status < 0 else 0
