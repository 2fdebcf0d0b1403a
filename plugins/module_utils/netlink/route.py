# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read queueing disciplines, routing rules, XDP programs and IPsec policies by netlink. Reads only."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Iterator

from . import errors

_NETLINK_ROUTE, _NETLINK_XFRM = 0, 6
# linux/netlink.h
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_RECEIVE = 65536
_SILENCE_SECONDS = 60.0
# linux/rtnetlink.h, linux/fib_rules.h, linux/if_link.h, linux/xfrm.h
_GET_LINK, _GET_QDISC, _GET_RULE, _GET_POLICY = 18, 38, 34, 21
_TC_MESSAGE, _RULE_MESSAGE = struct.Struct("=BxxxiIII"), struct.Struct("=BBBBBxxBI")
_LINK_MESSAGE = struct.Struct("=BxHiII")
_TCA_KIND, _FRA_PRIORITY, _FRA_TABLE, _IFLA_IFNAME, _IFLA_XDP, _IFLA_XDP_ATTACHED = 1, 6, 15, 3, 43, 2
_TYPE = 0x3FFF


def qdiscs() -> Iterator[tuple[str, str]]:
    """Yield (interface, kind) of every queueing discipline. Raise NetlinkError."""
    names = dict(socket.if_nameindex())
    for payload in _dump(_GET_QDISC, _TC_MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _family, index, _handle, _parent, _info = _TC_MESSAGE.unpack_from(payload)
        kind = _attributes(payload, _TC_MESSAGE.size).get(_TCA_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
        yield names.get(index, str(index)), kind


def rules(family: int) -> Iterator[tuple[int, int]]:
    """Yield (priority, number of the routing table) of every rule of an address family. Raise NetlinkError."""
    for payload in _dump(_GET_RULE, _RULE_MESSAGE.pack(family, 0, 0, 0, 0, 0, 0)):
        table = _RULE_MESSAGE.unpack_from(payload)[4]
        attributes = _attributes(payload, _RULE_MESSAGE.size)
        yield _number(attributes.get(_FRA_PRIORITY), 0), _number(attributes.get(_FRA_TABLE), table)


def xdp_interfaces() -> Iterator[str]:
    """Yield each interface with an XDP program. Raise NetlinkError."""
    for payload in _dump(_GET_LINK, _LINK_MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        attributes = _attributes(payload, _LINK_MESSAGE.size)
        if any(_attributes(attributes.get(_IFLA_XDP, b""), 0).get(_IFLA_XDP_ATTACHED, b"")):
            yield attributes.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("ascii", "replace")


def ipsec_policies() -> int:
    """Return the number of IPsec policies, 0 where the kernel has no IPsec. Raise NetlinkError."""
    try:
        return sum(1 for _policy in _dump(_GET_POLICY, bytes(16), _NETLINK_XFRM))
    except errors.NetlinkError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EPROTONOSUPPORT:
            return 0
        raise


def _dump(kind: int, body: bytes, protocol: int = _NETLINK_ROUTE) -> Iterator[bytes]:
    """Yield the bodies of the kernel's answers to a request for everything."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as sock:
            sock.settimeout(_SILENCE_SECONDS)
            sock.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
            while True:
                for answer, payload in _messages(sock.recv(_RECEIVE)):
                    if answer == _DONE:
                        return
                    if answer == _ERROR:
                        raise OSError(-struct.unpack_from("=i", payload)[0], "")
                    yield payload
    except OSError as error:
        raise errors.from_errno("reading by netlink", error.errno or 0) from error


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, offset)
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += max(_HEADER.size, length + 3 & ~3)


def _attributes(payload: bytes, offset: int) -> dict[int, bytes]:
    attributes = {}
    while offset + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, offset)
        attributes[kind & _TYPE] = payload[offset + _ATTRIBUTE.size : offset + length]
        offset += max(_ATTRIBUTE.size, length + 3 & ~3)
    return attributes


def _number(value: bytes | None, default: int) -> int:
    return int(struct.unpack("=I", value)[0]) if value is not None and len(value) == 4 else default
