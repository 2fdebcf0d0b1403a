# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the packets of one attack: a program of its own, because it runs as the attacker, with his rights alone.

``python send.py WAY JSON TO TOKEN`` calls the function of that name with the keywords in the JSON object, then sends
the token to a name server, which everybody may: what the attack sent has left before it, on the same CPU, or never
does. An error of the kernel is no answer: whether anything left is what the sniffer outside says.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from ctypes import CDLL, c_int, get_errno

SENT = b"tidegate"
"""The payload, where there is one."""
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_IP_HDRINCL_PROTOCOL = socket.IPPROTO_RAW
_TCP_FASTOPEN_CONNECT = 30
_MPTCP, _UDPLITE = 262, 136
_MSG_FASTOPEN = 0x20000000


def _family(to: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in to else socket.AF_INET


def udp(
    to: str,
    port: int,
    source_port: int = 0,
    bind: str = "",
    device: str = "",
    size: int = 0,
    broadcast: bool = False,
    options: Sequence[tuple[int, int, str]] = (),
    protocol: int = socket.IPPROTO_UDP,
) -> None:
    """Send a datagram. size: of its payload. options: of the socket, (level, name, hex)."""
    with socket.socket(_family(to), socket.SOCK_DGRAM, protocol) as sock:
        if broadcast:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        for level, name, value in options:
            sock.setsockopt(level, name, bytes.fromhex(value))
        if source_port or bind:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((bind, source_port))
        sock.sendto(SENT * max(1, size // len(SENT)), (to, port))


def tcp(to: str, port: int, protocol: int = socket.IPPROTO_TCP, fast_open: bool = False, source_port: int = 0) -> None:
    """Begin a connection. fast_open: with data in the first packet."""
    with socket.socket(_family(to), socket.SOCK_STREAM, protocol) as sock:
        sock.settimeout(0)
        if source_port:
            sock.bind(("", source_port))
        if fast_open:
            sock.sendto(SENT, _MSG_FASTOPEN, (to, port))
        else:
            sock.connect((to, port))


def ping(to: str) -> None:
    """Send an echo request without a raw socket."""
    protocol = socket.IPPROTO_ICMPV6 if ":" in to else socket.IPPROTO_ICMP
    with socket.socket(_family(to), socket.SOCK_DGRAM, protocol) as sock:
        sock.sendto(bytes([128 if ":" in to else 8, 0, 0, 0, 0, 1, 0, 1]) + SENT, (to, 0))


def raw(to: str, protocol: int, payload: str, options: Sequence[tuple[int, int, str]] = ()) -> None:
    """Send a packet of any protocol; the kernel writes the header of IP. payload: hex."""
    with socket.socket(_family(to), socket.SOCK_RAW, protocol) as sock:
        for level, name, value in options:
            sock.setsockopt(level, name, bytes.fromhex(value))
        sock.sendto(bytes.fromhex(payload), (to, 0))


def segment(to: str, port: int, flags: int, source: str, source_port: int = 40001) -> None:
    """Send one TCP segment with these flags, out of nothing."""
    header = struct.pack("!HHIIBBHHH", source_port, port, 1000, 2000, 5 << 4, flags, 1024, 0, 0) + SENT
    header = header[:16] + struct.pack("!H", _checksum(_pseudo(source, to, 6, len(header)) + header)) + header[18:]
    raw(to, socket.IPPROTO_TCP, header.hex())


def icmp6(to: str, kind: int, source: str) -> None:
    """Send an ICMPv6 message of a kind, such as a neighbour solicitation, with a payload."""
    message = bytes([kind, 0, 0, 0]) + bytes(4) + socket.inet_pton(socket.AF_INET6, to) + SENT
    checksum = _checksum(_pseudo(source, to, 58, len(message)) + message)
    raw(to, socket.IPPROTO_ICMPV6, (message[:2] + struct.pack("!H", checksum) + message[4:]).hex())


def icmp4(to: str, kind: int) -> None:
    """Send an ICMP message of a kind."""
    message = bytes([kind, 0, 0, 0]) + bytes(4) + SENT
    raw(to, socket.IPPROTO_ICMP, (message[:2] + struct.pack("!H", _checksum(message)) + message[4:]).hex())


def whole(to: str, packet: str, broadcast: bool = False) -> None:
    """Send a packet with the header of IP as it is written. packet: hex."""
    with socket.socket(_family(to), socket.SOCK_RAW, _IP_HDRINCL_PROTOCOL) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, broadcast)
        sock.sendto(bytes.fromhex(packet), (to, 0))


def in_user_namespace(way: str, **arguments: object) -> None:
    """Do another of these as root of a user namespace of one's own."""
    libc = CDLL(None, use_errno=True)
    if libc.unshare(c_int(0x10000000)) != 0:
        raise OSError(get_errno(), "unshare")
    globals()[way](**arguments)


def _pseudo(source: str, to: str, protocol: int, length: int) -> bytes:
    family = _family(to)
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, to)
    return addresses + (struct.pack("!I3xB", length, protocol) if ":" in to else struct.pack("!xBH", protocol, length))


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with suppress(OSError):
        globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    with socket.socket(_family(sys.argv[3]), socket.SOCK_DGRAM) as last:
        last.sendto(sys.argv[4].encode(), (sys.argv[3], 53))
