# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of the lab's hosts: DNS and NTP on their ports, on other ports the name of the host and the port."""

from __future__ import annotations

import ipaddress
import struct
import time
from collections.abc import Mapping, Sequence

DNS = 53
NTP = 123
_A, _AAAA = 1, 28
_NO_ERROR, _FORMAT_ERROR, _NO_SUCH_NAME = 0, 1, 3
_NTP_EPOCH = 2208988800  # 1970 in seconds since 1900

Zone = Mapping[str, Sequence[str]]
"""The addresses of each name; `*.NAME` is every name below one that has none itself."""
DOMAIN = "lab.internal"
"""Where each host has a name."""


def greeting(host: str, protocol: str, port: int) -> bytes:
    """Return a line with the host, protocol and port that answer."""
    return f"{host} {protocol}/{port}\n".encode()


def dns(question: bytes, zone: Zone) -> bytes:
    """Return the answer to a DNS message (RFC 1035).

    A and AAAA of the names in the zone; for the root an answer without records; otherwise "no such name".
    """
    if len(question) < 12:
        return b""
    identifier, flags, count = struct.unpack("!2s2H", question[:6])
    try:
        name, kind, end = _question(question)
    except (IndexError, struct.error):
        return struct.pack("!2s5H", identifier, 0x8000 | _FORMAT_ERROR, 0, 0, 0, 0)
    addresses = _addresses(name, zone)
    known = not name or bool(addresses)
    records = [_record(address) for address in map(ipaddress.ip_address, addresses) if _kind(address) == kind]
    recursion = 0x0080 | (flags & 0x0100)
    status = _NO_ERROR if known else _NO_SUCH_NAME
    header = struct.pack("!2s5H", identifier, 0x8400 | recursion | status, min(count, 1), len(records), 0, 0)
    return header + question[12:end] + b"".join(records)


def _addresses(name: str, zone: Zone) -> Sequence[str]:
    parent = name
    while name not in zone and "." in parent:
        parent = parent.partition(".")[2]
        if f"*.{parent}" in zone:
            return zone[f"*.{parent}"]
    return zone.get(name, ())


def _question(message: bytes) -> tuple[str, int, int]:
    """Return name in lower case without its last dot, type, and the offset of the question's end."""
    labels, offset = [], 12
    while message[offset]:
        labels.append(message[offset + 1 : offset + 1 + message[offset]].decode("ascii", "replace").lower())
        offset += 1 + message[offset]
    (kind,) = struct.unpack("!H", message[offset + 1 : offset + 3])
    return ".".join(labels), kind, offset + 5


def _kind(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    return _A if address.version == 4 else _AAAA


def _record(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    name_of_the_question, internet, seconds = 0xC00C, 1, 60
    data = address.packed
    return struct.pack("!3HIH", name_of_the_question, _kind(address), internet, seconds, len(data)) + data


def ntp(request: bytes) -> bytes:
    """Return the answer to an NTP client's request (RFC 5905, section 7.3): this machine's time, as stratum 2."""
    if len(request) < 48:
        return b""
    version, server = request[0] & 0o070, 4
    poll, precision = request[2], 0xEC  # about a microsecond
    now = struct.pack("!Q", int((time.time() + _NTP_EPOCH) * 2**32))
    times = now + request[40:48] + now + now  # reference, origin (the client's transmit time), receive, transmit
    return bytes([version | server, 2, poll, precision]) + bytes(8) + b"\x7f\x00\x00\x01" + times
