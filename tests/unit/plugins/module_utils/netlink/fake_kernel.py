# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of a few lines that answers netlink requests about one set, so that tests can make it fail."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import elements, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    SetInfo,
    parse_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.decode import decode_list

Datagram = bytes
Tamper = Callable[[list[Datagram]], list[Datagram]]


def error_message(seq: int, error: int, request: bytes = b"", *, offset: int = -1, text: str = "") -> bytes:
    """An NLMSG_ERROR as the kernel sends it with capped quotes; error is positive."""
    details = wire.attribute(1, text.encode() + b"\0") if text else b""
    details += wire.attribute(2, struct.pack("=I", offset)) if offset >= 0 else b""
    flags = wire.NLM_F_CAPPED | (wire.NLM_F_ACK_TLVS if details else 0)
    quoted = (request + bytes(16))[:16]
    return wire.message(wire.NLMSG_ERROR, flags, seq, struct.pack("=i", -error) + quoted + details)


def nft_answer(kind: int, seq: int, attributes: bytes, flags: int = 0, family: int = 1) -> bytes:
    return wire.message(wire.NFNL_SUBSYS_NFTABLES << 8 | kind, flags, seq, bytes((family, 0, 0, 0)) + attributes)


def u32(kind: int, value: int) -> bytes:
    return wire.attribute(kind, value.to_bytes(4, "big"))


def set_attributes(name: str, flags: int, key_type: int, key_len: int) -> bytes:
    """A declaration as in a NEWSET message, handle 7, in table t."""
    return (
        wire.string_attribute(1, "t")
        + wire.string_attribute(2, name)
        + wire.attribute(16, (7).to_bytes(8, "big"))
        + u32(3, flags)
        + u32(4, key_type)
        + u32(5, key_len)
        + wire.attribute(9, b"")
    )


@dataclass
class FakeKernel:
    """Answers GETGEN, GETTABLE, GETSET and GETSETELEM; takes batches and refuses the messages named in refuse.

    declaration: attributes of the only set. held: the intervals in it as (first, last) keys. old_get: asked for the end
    at a key, tell what lies at exactly that key first, as kernels before 6.18 do. refuse: position of a message in the
    batch (0 is its beginning) to (errno, element in the message to point at). commits: what others make of the set, one
    commit during each dump. counted: whether it tells how many elements there are. torn: so many dumps lose elements
    without a commit. under_way: so many commits end while somebody waits for their end.
    """

    declaration: bytes
    held: list[tuple[bytes, bytes]] = field(default_factory=list)
    generation: int = 5
    old_get: bool = False
    refuse: dict[int, tuple[int, int]] = field(default_factory=dict)
    commits: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    counted: bool = True
    count_as: int = 0
    torn: int = 0
    under_way: list[None] = field(default_factory=list)
    tamper: Tamper | None = None
    send_error: int = 0
    receive_errors: list[int] = field(default_factory=list)
    send_limit: int = 1 << 30
    batches: list[list[wire.Message]] = field(default_factory=list)

    @property
    def info(self) -> SetInfo:
        return parse_set("inet", wire.parse_attributes(self._declared()))

    def answer(self, data: bytes) -> list[Datagram]:
        messages = wire.parse_messages(data)
        if messages[0].type == 16:
            return self._batch(messages, data) if len(messages) > 2 else self._turn(messages[0])
        answers = []
        for message in messages:
            reply = self._reply(message)
            answers += reply
            if message.flags & wire.NLM_F_ACK and not any(wire.parse_messages(r)[0].type == 2 for r in reply):
                answers.append(error_message(message.seq, 0))
        return answers

    def _declared(self) -> bytes:
        return self.declaration + (u32(20, self.count_as or len(self.held)) if self.counted else b"")

    def _turn(self, begin: wire.Message) -> list[Datagram]:
        """A transaction without messages: no answer when it is pinned to the current generation."""
        pinned = wire.number(wire.parse_attributes(begin.payload[4:]), 1, 4)
        self.generation += len(self.under_way[:1])
        del self.under_way[:1]
        return [error_message(begin.seq, 85)] if pinned != self.generation else []

    def _reply(self, message: wire.Message) -> list[Datagram]:
        kind = message.type & 0xFF
        if kind == wire.NFT_MSG_GETGEN:
            return [nft_answer(wire.NFT_MSG_NEWGEN, message.seq, u32(1, self.generation))]
        if kind == wire.NFT_MSG_GETTABLE:
            return self._tables(message)
        if kind == wire.NFT_MSG_GETSET:
            return [nft_answer(wire.NFT_MSG_NEWSET, message.seq, self._declared())]
        if message.flags & wire.NLM_F_DUMP == wire.NLM_F_DUMP:
            return self._dump(message)
        return self._get(message)

    def _tables(self, message: wire.Message) -> list[Datagram]:
        row = wire.string_attribute(1, "t") + wire.attribute(4, (3).to_bytes(8, "big"))
        if message.flags & wire.NLM_F_DUMP != wire.NLM_F_DUMP:
            return [nft_answer(wire.NFT_MSG_NEWTABLE, message.seq, row)]
        rows = [nft_answer(wire.NFT_MSG_NEWTABLE, message.seq, row, 2, family) for family in (1, 2, 77)]
        return [rows[0] + rows[1], rows[2] + self._done(message)]

    def _done(self, message: wire.Message) -> bytes:
        return wire.message(wire.NLMSG_DONE, 2, message.seq, struct.pack("=i", 0))

    def _dump(self, message: wire.Message) -> list[Datagram]:
        kept = [elements.Element(first, last) for first, last in sorted(self.held)]
        parts = [
            nft_answer(wire.NFT_MSG_NEWSETELEM, message.seq, elements.set_reference(self.info) + part, 2)
            for part in elements.list_attributes(elements.encode(self.info, kept))
        ]
        if self.commits:
            self.held = self.commits.pop(0)
            self.generation += 1
        if self.torn:
            self.torn -= 1
            return [self._done(message)]
        return [*parts, self._done(message)]

    def _get(self, message: wire.Message) -> list[Datagram]:
        info = self.info
        asked = decode_list(info, wire.parse_attributes(message.payload[4:])[elements.LIST_ELEMENTS])[0]
        attribute = self._find(asked.key, bool(asked.flags))
        if attribute is None:
            return [error_message(message.seq, errno.ENOENT)]
        part = next(elements.list_attributes([attribute]))
        return [nft_answer(wire.NFT_MSG_NEWSETELEM, message.seq, elements.set_reference(info) + part)]

    def _find(self, key: bytes, wants_end: bool) -> bytes | None:
        """The element attribute that a lookup finds; ends of intervals that reach the highest key do not exist."""
        if not wants_end:
            inside = [pair for pair in self.held if pair[0] <= key <= pair[1]]
            return elements.element_attribute(inside[0][0]) if inside else None
        edges = [(elements.next_key(last), elements.INTERVAL_END) for _first, last in self.held]
        starts = [(first, 0) for first, _last in self.held]
        if self.old_get:
            exact = [edge for edge in starts + edges if edge[0] == key]
            if exact:
                return elements.element_attribute(key, exact[0][1])
        beyond = sorted(
            ((edge, flags) for edge, flags in starts + edges if edge and edge > key), key=lambda e: (e[0], -e[1])
        )
        return elements.element_attribute(beyond[0][0], beyond[0][1]) if beyond and beyond[0][1] else None

    def _batch(self, messages: list[wire.Message], data: bytes) -> list[Datagram]:
        self.batches.append(messages)
        answers, offset = [], 0
        for place, message in enumerate(messages):
            length = len(message.payload) + 16
            error, pointed = self.refuse.get(place, (0, -1))
            if error or message.flags & wire.NLM_F_ACK:
                where = _element_offset(data[offset : offset + length], pointed) if pointed >= 0 else -1
                answers.append(error_message(message.seq, error, offset=where))
            if error and place == 0:
                return answers
            offset += (length + 3) & ~3
        return answers

    def open(self) -> socket.socket:
        return FakeSocket(self)  # type: ignore[return-value]


def _element_offset(message: bytes, wanted: int) -> int:
    """Where the element of that number begins in a message about elements."""
    offset = 20
    while offset < len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if kind & 0x3FFF == elements.LIST_ELEMENTS:
            offset += 4
            for _step in range(wanted):
                offset += (struct.unpack_from("=H", message, offset)[0] + 3) & ~3
            return offset
        offset += (length + 3) & ~3
    return -1


class FakeSocket:
    """As much of a socket as the code uses. A read when nothing is due fails: a real message would hang."""

    def __init__(self, kernel: FakeKernel) -> None:
        self._kernel = kernel
        self._due: list[tuple[bytes, int, int]] = []
        self.closed = False

    def send(self, data: bytes) -> int:
        if self._kernel.send_error:
            raise OSError(self._kernel.send_error, "send")
        answers = self._kernel.answer(data)
        if self._kernel.tamper is not None:
            answers = self._kernel.tamper(answers)
        self._due += [(answer, 0, 0) for answer in answers]
        return len(data)

    def slip_in(self, data: bytes, flags: int = 0, sender: int = 0) -> None:
        self._due.append((data, flags, sender))

    def recvmsg(self, size: int) -> tuple[bytes, list[object], int, tuple[int, int]]:
        if self._kernel.receive_errors:
            raise OSError(self._kernel.receive_errors.pop(0), "recv")
        if not self._due:
            raise TimeoutError("nothing is due")
        data, flags, sender = self._due.pop(0)
        if len(data) > size:
            data, flags = data[:size], flags | socket.MSG_TRUNC
        return data, [], flags, (sender, 0)

    def getsockopt(self, _level: int, _option: int) -> int:
        return self._kernel.send_limit

    def setsockopt(self, _level: int, option: int, _value: int) -> None:
        if option in (32, 33):
            raise PermissionError(errno.EPERM, "setsockopt")

    def close(self) -> None:
        self.closed = True


def tree(held: list[tuple[int, int]], **options: object) -> FakeKernel:
    """A kernel with one interval set of inet_proto: keys of one byte."""
    pairs = [(bytes([first]), bytes([last])) for first, last in held]
    return FakeKernel(set_attributes("s", NFT_SET_INTERVAL, 12, 1), pairs, **options)  # type: ignore[arg-type]
