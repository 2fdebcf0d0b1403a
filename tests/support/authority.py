# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name server whose answers a test changes as it likes; it counts what it was asked.

It runs in threads of the test, and so in the test's network namespace.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

A, CNAME, AAAA, SVCB, HTTPS = 1, 5, 28, 64, 65
SERVFAIL, NXDOMAIN = 2, 3

ADDRESS = "127.0.1.53"

_NOT_AN_ADDRESS = {CNAME}
_ASKED = b"\xc0\x0c"
"""A pointer to the name in the question, as a record's owner (RFC 1035, 4.1.4)."""


@dataclass(frozen=True)
class Reply:
    """What is answered: records as (owner, type, data, TTL), where "" is the name asked for; or an error's code."""

    records: Sequence[tuple[str, int, str, int]] = ()
    rcode: int = 0


def addresses(*texts: str, ttl: int = 30) -> Reply:
    """Return a reply of addresses."""
    return Reply([("", A if ipaddress.ip_address(text).version == 4 else AAAA, text, ttl) for text in texts])


def by_number(name: str, _kind: int) -> Reply:
    """Return for n5.example.net addresses of its own, 50.0.1.5 and 2600::5; for other names, that there is none."""
    label = name.partition(".")[0]
    if not (label[:1] == "n" and label[1:].isdigit()):
        return Reply(rcode=NXDOMAIN)
    return addresses(*numbered(int(label[1:])))


def numbered(number: int) -> tuple[str, str]:
    """Return the addresses of by_number."""
    return str(ipaddress.IPv4Address("50.0.1.0") + number), str(ipaddress.IPv6Address("2600::") + number)


@dataclass
class Authority:
    """The server. replies: by name; answer: for every other name. asked: how often, by name and type."""

    answer: Callable[[str, int], Reply | None] = by_number
    replies: dict[str, Reply | None] = field(default_factory=dict)
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    truncate: bool = False
    """Whether answers over UDP are cut off, so that the client comes again over TCP."""

    @contextmanager
    def running(self, address: str = ADDRESS) -> Iterator[Authority]:
        """Serve while the body runs."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as connections:
            datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            datagrams.bind((address, 53))
            connections.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connections.bind((address, 53))
            connections.listen(64)
            threads = [
                threading.Thread(target=self._serve_udp, args=(datagrams,)),
                threading.Thread(target=self._serve_tcp, args=(connections,)),
            ]
            for thread in threads:
                thread.start()
            try:
                yield self
            finally:
                for sock in (datagrams, connections):
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                for thread in threads:
                    thread.join()

    def _serve_udp(self, sock: socket.socket) -> None:
        while True:
            data, client = sock.recvfrom(4096)
            if not data:
                return
            answer = self._answer(data, truncate=self.truncate)
            if answer:
                sock.sendto(answer, client)

    def _serve_tcp(self, sock: socket.socket) -> None:
        while True:
            try:
                connection, _client = sock.accept()
            except OSError:
                return
            # Who hangs up early ends its own connection, not the server.
            with connection, suppress(OSError, struct.error), connection.makefile("rb") as stream:
                connection.settimeout(5)
                (length,) = struct.unpack("!H", stream.read(2))
                answer = self._answer(stream.read(length), truncate=False)
                connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query: bytes, *, truncate: bool) -> bytes:
        """Return the answer to a query, b"" for none."""
        name, length = _shown(query[12:])
        end = 12 + length + 4
        kind = int.from_bytes(query[end - 4 : end - 2], "big")
        self.asked[name, kind] += 1
        reply = self.replies[name] if name in self.replies else self.answer(name, kind)
        if reply is None:
            return b""
        records = [] if truncate else [each for each in reply.records if each[1] == kind or each[1] in _NOT_AN_ADDRESS]
        flags = 0x8580 | reply.rcode | (0x0200 if truncate else 0)
        head = query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0)
        return head + query[12:end] + b"".join(_record(*each) for each in records)


def _record(owner: str, kind: int, data: str, ttl: int) -> bytes:
    if kind == CNAME:
        body = wire(data)
    elif kind in (SVCB, HTTPS):
        body = bytes.fromhex(data)
    else:
        body = ipaddress.ip_address(data).packed
    return (wire(owner) if owner else _ASKED) + struct.pack("!2HIH", kind, 1, ttl, len(body)) + body


def wire(name: str) -> bytes:
    """Return a name as messages have it. A dot after a backslash, and a zero as backslash and 000, are in a label."""
    labels = [_unescaped(label) for label in re.split(r"(?<!\\)\.", name)]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _unescaped(label: str) -> bytes:
    return label.replace("\\.", ".").replace("\\000", "\0").encode("latin-1")


def _shown(encoded: bytes) -> tuple[str, int]:
    """Return a name at the begin of something, and the bytes that it takes. A label may hold any of them."""
    labels, place = [], 0
    while encoded[place]:
        labels.append(encoded[place + 1 : place + 1 + encoded[place]].decode("latin-1"))
        place += 1 + encoded[place]
    shown = [label.replace(".", "\\.").replace("\0", "\\000") for label in labels]
    return ".".join(shown).lower(), place + 1
