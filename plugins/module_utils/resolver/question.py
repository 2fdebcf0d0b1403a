# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server for the addresses of one name (RFC 1035): over UDP, and over TCP where the answer is too long."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import closing
from typing import NamedTuple, Tuple

Record = Tuple[bytes, int]
"""An address in network byte order, and the seconds for which it is valid."""

A, AAAA = 1, 28
NOERROR, NXDOMAIN = 0, 3
PORT = 53

_CNAME, _IN = 5, 1
_HEADER, _FIXED = struct.Struct("!6H"), struct.Struct("!2HIH")
_RECURSION, _TRUNCATED, _RESPONSE = 0x0100, 0x0200, 0x8000
_LENGTHS = {A: 4, AAAA: 16}
_LONGEST = 255
"""Bytes of a name. Longer ones, over and over in one answer, would take minutes to read, and pointers may go round."""
_LARGEST = 1 << 16


class Answer(NamedTuple):
    """rcode: NOERROR, NXDOMAIN or another number. records: addresses with their TTLs; a chain's TTL is its shortest."""

    rcode: int
    records: list[Record]

    @property
    def is_empty(self) -> bool:
        """Whether it says that the name has no such address, and not that nobody knows."""
        return self.rcode in (NOERROR, NXDOMAIN) and not self.records


def ask(server: str, name: str, kind: int, seconds: float) -> Answer:
    """Return a server's answer. kind: A or AAAA. Raise OSError when there is none in time, or one that is none."""
    number = int.from_bytes(os.urandom(2), "big")
    labels = b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split("."))
    asked = labels + b"\0" + struct.pack("!2H", kind, _IN)
    query = _HEADER.pack(number, _RECURSION, 1, 0, 0, 0) + asked
    try:
        data = _over_udp(server, query, seconds)
        if _HEADER.unpack_from(data)[1] & _TRUNCATED:
            data = _over_tcp(server, query, seconds)
        return _parse(data, number, asked, kind)
    except (struct.error, IndexError) as error:
        raise OSError(f"{server} sent a damaged answer about {name}") from error


def _over_udp(server: str, query: bytes, seconds: float) -> bytes:
    with closing(socket.socket(_family(server), socket.SOCK_DGRAM)) as sock:
        sock.settimeout(seconds)
        # Connected, so that the kernel takes datagrams of this server only.
        sock.connect((server, PORT))
        sock.send(query)
        while True:
            data = sock.recv(_LARGEST)
            if data[:2] == query[:2]:
                return data


def _over_tcp(server: str, query: bytes, seconds: float) -> bytes:
    with socket.create_connection((server, PORT), seconds) as sock, sock.makefile("rb") as answer:
        sock.sendall(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", answer.read(2))
        return answer.read(length)


def _family(server: str) -> int:
    return socket.AF_INET6 if ":" in server else socket.AF_INET


def _parse(data: bytes, number: int, asked: bytes, kind: int) -> Answer:
    reported, flags, questions, answers, _authority, _additional = _HEADER.unpack_from(data)
    end = _HEADER.size + len(asked)
    if reported != number or not flags & _RESPONSE or questions != 1:
        raise OSError("an answer to another question")
    if data[_HEADER.size : end].lower() != asked.lower():
        raise OSError("an answer to another question")
    owner, place = _name(data, _HEADER.size)[0], end
    aliases: dict[bytes, tuple[bytes, int]] = {}
    records: dict[bytes, list[Record]] = {}
    for _index in range(answers):
        name, place = _name(data, place)
        each, of_class, ttl, length = _FIXED.unpack_from(data, place)
        place += _FIXED.size
        if place + length > len(data):
            raise IndexError
        if of_class == _IN and each == _CNAME:
            aliases[name] = _name(data, place)[0], ttl
        elif of_class == _IN and each == kind and length == _LENGTHS[kind]:
            records.setdefault(name, []).append((data[place : place + length], ttl))
        place += length
    shortest = _LARGEST << 16
    while owner in aliases:
        owner, ttl = aliases.pop(owner)
        shortest = min(shortest, ttl)
    return Answer(flags & 0xF, [(key, min(ttl, shortest)) for key, ttl in records.get(owner, [])])


def _name(data: bytes, place: int, left: int = _LONGEST) -> tuple[bytes, int]:
    """Return a name in small letters, each label after its length, and the place behind it. left: bytes it may have."""
    labels: list[bytes] = []
    while data[place]:
        length = data[place]
        left -= 1 if length >= 0xC0 else 1 + length
        if left < 0:
            raise IndexError
        if length >= 0xC0:
            rest = _name(data, (length & 0x3F) << 8 | data[place + 1], left)[0]
            return b"".join(labels) + rest, place + 2
        labels.append(data[place : place + 1 + length].lower())
        place += 1 + length
    return b"".join(labels), place + 1
