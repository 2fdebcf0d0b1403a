# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An outside world for a test machine without a network: every other address answers, on every port.

`outside.py ADDRESS …` makes a pair of interfaces, gives the machine's addresses and default routes to the first, and
answers at the second: TCP connections, UDP datagrams (with what they carried) and pings, over IPv4 and IPv6. So what
does not get through was refused on the machine. Needs CAP_NET_ADMIN, CAP_NET_RAW, Python 3.8 and ip(8); a container
without any network is enough.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

INSIDE, OUTSIDE = "outside0", "outside1"
_IPV4, _IPV6 = 0x0800, 0x86DD
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_ECHO_REQUEST, _ECHO_REPLY = {_ICMP: 8, _ICMPV6: 128}, {_ICMP: 0, _ICMPV6: 129}


def main(addresses: list[str]) -> None:
    """Make the interfaces, then answer in a process of its own."""
    connect(addresses)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((OUTSIDE, 0))
    # Whoever started this goes on when everybody answers.
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    while True:
        reply = answer(wire.recv(65535))
        if reply:
            wire.send(reply)


def connect(addresses: list[str]) -> None:
    """Make the pair of interfaces, unless it is there, with the machine's addresses and routes."""
    ip("link", "del", INSIDE, check=False)
    ip("link", "add", INSIDE, "type", "veth", "peer", "name", OUTSIDE)
    # Nobody asks for neighbours: the answers come from addresses that no interface has.
    for name in (INSIDE, OUTSIDE):
        ip("link", "set", name, "arp", "off", "up")
    for address in addresses:
        ip("addr", "add", address, "dev", INSIDE, *(("nodad",) if ":" in address else ()))
    for version in ("-4", "-6"):
        ip(version, "route", "replace", "default", "dev", INSIDE, check=version == "-4")


def ip(*words: str, check: bool = True) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=check, stderr=None if check else subprocess.DEVNULL)


def answer(frame: bytes) -> bytes:
    """Return the frame that answers an Ethernet frame, b"" for none."""
    (kind,) = struct.unpack_from("!H", frame, 12)
    packet = frame[14:]
    if kind == _IPV4 and packet[0] >> 4 == 4:
        length, protocol, start = struct.unpack_from("!H", packet, 2)[0], packet[9], (packet[0] & 15) * 4
        source, destination = packet[12:16], packet[16:20]
    elif kind == _IPV6:
        length, protocol, start = 40 + struct.unpack_from("!H", packet, 4)[0], packet[6], 40
        source, destination = packet[8:24], packet[24:40]
    else:
        return b""
    replies: dict[int, Callable[[int, bytes], bytes]] = {_TCP: _tcp, _UDP: _udp, _ICMP: _echo, _ICMPV6: _echo}
    reply = replies[protocol](protocol, packet[start:length]) if protocol in replies else b""
    if not reply:
        return b""
    reply = _with_checksum(protocol, destination, source, reply)
    return frame[6:12] + frame[:6] + frame[12:14] + _header(kind, protocol, destination, source, len(reply)) + reply


def _tcp(_protocol: int, segment: bytes) -> bytes:
    sport, dport, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", segment)
    data = len(segment) - (offset >> 4) * 4
    if flags & _RST or (flags & _ACK and not flags & (_SYN | _FIN) and not data):
        return b""
    beginning = flags & _SYN and not flags & _ACK
    ours = 0 if beginning else acknowledged
    theirs = (sequence + data + bool(flags & (_SYN | _FIN))) & 0xFFFFFFFF
    reply = _ACK | (_SYN if beginning else 0) | (flags & _FIN)
    return struct.pack("!HHIIBBHHH", dport, sport, ours, theirs, 5 << 4, reply, 65535, 0, 0)


def _udp(_protocol: int, datagram: bytes) -> bytes:
    sport, dport, length = struct.unpack_from("!HHH", datagram)
    return struct.pack("!HHHH", dport, sport, length, 0) + datagram[8:length]


def _echo(protocol: int, message: bytes) -> bytes:
    if message[0] != _ECHO_REQUEST[protocol]:
        return b""
    return bytes([_ECHO_REPLY[protocol], 0, 0, 0]) + message[4:]


def _with_checksum(protocol: int, sender: bytes, receiver: bytes, reply: bytes) -> bytes:
    place = {_TCP: 16, _UDP: 6, _ICMP: 2, _ICMPV6: 2}[protocol]
    pseudo = b"" if protocol == _ICMP else sender + receiver + struct.pack("!II", len(reply), protocol)
    return reply[:place] + struct.pack("!H", _checksum(pseudo + reply) or 0xFFFF) + reply[place + 2 :]


def _header(kind: int, protocol: int, sender: bytes, receiver: bytes, length: int) -> bytes:
    if kind == _IPV6:
        return struct.pack("!IHBB", 6 << 28, length, protocol, 64) + sender + receiver
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0) + sender + receiver
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:]


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    main(sys.argv[1:])
