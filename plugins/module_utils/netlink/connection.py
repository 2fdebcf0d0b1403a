# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that opens a netlink socket: sends requests, gathers answers, turns errors into types."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, final

from . import errors, wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Callable, Iterable, Iterator

_NETLINK_NETFILTER = 12
_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
# The kernel sends dumps in datagrams of at most 32 KiB when the reader's buffer holds that much.
_RECEIVE = 65536
# The kernel answers while the request is being sent; silence for this long means an answer was lost.
_SILENCE_SECONDS = 60.0
# Single requests under way at once: their answers fit into the smallest receive buffer that Linux gives by default.
_WINDOW = 64
_DUMP_ATTEMPTS = 40
_DUMP_PAUSE_SECONDS = 0.005

_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
# What netlink_sendmsg keeps free of the send buffer, and more than an answer without its request takes.
_SLACK = 32
_ANSWER = 1024

# socket.h differs by architecture only on these two.
_SO_NETNS_COOKIE = {"sparc64": 0x50, "parisc": 0x4045, "parisc64": 0x4045}
_SO_NETNS_COOKIE_GENERIC = 71


def open_socket() -> socket.socket:
    """A bound NETLINK_NETFILTER socket in the current network namespace."""
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
    except OSError as error:
        raise errors.from_errno("opening a netlink socket", error.errno or 0) from error
    try:
        sock.bind((0, 0))
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            with suppress(OSError):  # both only add detail to errors (Linux 4.3 and 4.12)
                sock.setsockopt(_SOL_NETLINK, option, 1)
        sock.settimeout(_SILENCE_SECONDS)
    except OSError as error:
        sock.close()
        raise errors.from_errno("binding a netlink socket", error.errno or 0) from error
    return sock


@final
class Connection:
    """One netlink conversation; use as a context manager. Not for several threads."""

    def __init__(self, opener: Callable[[], socket.socket] | None = None) -> None:
        self._socket = (opener or open_socket)()
        self._seq = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, doing: str, kind: int, family: int, attributes: bytes) -> list[wire.Message]:
        """The answers to one request (not a dump); raises NetlinkError when the kernel refuses."""
        seq = self._next()
        self._send(doing, wire.nft_message(kind, wire.NLM_F_ACK, seq, family, attributes))
        found: list[wire.Message] = []
        for received in self._messages(doing):
            self._expect(seq, received)
            if received.type == wire.NLMSG_ERROR:
                answer = wire.parse_error(received)
                if answer.error:
                    raise errors.from_errno(doing, answer.error, answer.text)
                return found
            found.append(received)
        raise AssertionError("unreachable: _messages never ends")

    def ask_each(
        self, doing: str, kind: int, family: int, requests: Iterable[bytes], *, silence: bool = False
    ) -> list[wire.Message | None]:
        """One answer for each request's attributes, in order; None where the kernel says that there is none.

        silence: the kernel says so by success without an answer too, as it does when asked for a missing end.
        """
        found: list[wire.Message | None] = []
        window: list[bytes] = []
        for attributes in requests:
            window.append(attributes)
            if len(window) == _WINDOW:
                found += self._ask_window(doing, kind, family, window, silence=silence)
                window = []
        return found + self._ask_window(doing, kind, family, window, silence=silence) if window else found

    def _ask_window(
        self, doing: str, kind: int, family: int, window: list[bytes], *, silence: bool
    ) -> list[wire.Message | None]:
        due = self.reserve(len(window))
        requests = [
            wire.nft_message(kind, wire.NLM_F_ACK, due + place, family, one) for place, one in enumerate(window)
        ]
        self._send(doing, b"".join(requests))
        found: list[wire.Message | None] = []
        told: wire.Message | None = None
        for received in self._messages(doing):
            self._expect(due, received)
            if received.type != wire.NLMSG_ERROR:
                if told is not None:
                    raise errors.MalformedMessage(f"{doing}: two answers came to one question")
                told = received
                continue
            answer = wire.parse_error(received)
            if answer.error not in (0, errno.ENOENT):
                raise errors.from_errno(doing, answer.error, answer.text)
            if told is None and not answer.error and not silence:
                raise errors.MalformedMessage(f"{doing}: success came without an answer")
            found.append(told)
            due, told = due + 1, None
            if len(found) == len(window):
                return found
        raise AssertionError("unreachable: _messages never ends")

    def dump(self, doing: str, kind: int, family: int, attributes: bytes) -> list[wire.Message]:
        """All messages of one dump, consistent: a dump that a commit interrupted is read again."""
        for attempt in range(_DUMP_ATTEMPTS):
            found = self._dump_once(doing, kind, family, attributes)
            if found is not None:
                return found
            time.sleep(_DUMP_PAUSE_SECONDS * min(attempt + 1, 10))
        raise errors.from_errno(doing, errno.EINTR, f"{_DUMP_ATTEMPTS} dumps were interrupted by commits")

    def _dump_once(self, doing: str, kind: int, family: int, attributes: bytes) -> list[wire.Message] | None:
        seq = self._next()
        self._send(doing, wire.nft_message(kind, wire.NLM_F_DUMP, seq, family, attributes))
        found: list[wire.Message] = []
        interrupted = False
        for received in self._messages(doing):
            self._expect(seq, received)
            interrupted = interrupted or bool(received.flags & wire.NLM_F_DUMP_INTR)
            if received.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
                ended = received.type == wire.NLMSG_DONE
                error = wire.parse_done(received) if ended else wire.parse_error(received).error
                if error not in (0, errno.EINTR):
                    raise errors.from_errno(doing, error)
                return None if interrupted or error else found
            found.append(received)
        raise AssertionError("unreachable: _messages never ends")

    def reserve(self, count: int) -> int:
        """The first of count message numbers for a transaction."""
        first = self._seq + 1
        self._seq += count
        return first

    def transact(self, doing: str, parts: list[bytes], first: int, last: int) -> Iterator[tuple[int, wire.Answer]]:
        """Sends a transaction; yields number and answer of what the kernel answers to, up to the last message.

        A refusal of the whole (number first) comes alone: whoever reads one stops there.
        """
        data = b"".join(parts)
        self._make_room(doing, len(data), len(parts))
        self._send(doing, data)
        for received in self._messages(doing):
            if received.type != wire.NLMSG_ERROR or not first <= received.seq <= last:
                raise errors.MalformedMessage(f"{doing}: message {received.seq} of type {received.type:#x} came")
            yield received.seq, wire.parse_error(received)
            if received.seq == last:
                return

    def settled(self, doing: str, generation: int) -> bool:
        """Whether this is the current generation and its commit is complete; waits for a commit that is under way.

        The kernel counts a generation before it has put the old elements away. A transaction without messages changes
        nothing but has its turn only between commits. It is not answered when it is right, so a question follows.
        """
        first = self.reserve(3)
        last = first + 2
        self._send(doing, wire.batch_begin(first, generation) + wire.batch_end(first + 1))
        self._send(doing, wire.nft_message(wire.NFT_MSG_GETGEN, wire.NLM_F_ACK, last, 0, b""))
        stale = False
        for received in self._messages(doing):
            if received.seq != first:
                self._expect(last, received)
            if received.type != wire.NLMSG_ERROR:
                continue
            error = wire.parse_error(received).error
            if error not in (0, errors.ERESTART):
                raise errors.from_errno(doing, error)
            stale = stale or error == errors.ERESTART
            if received.seq == last:
                return not stale
        raise AssertionError("unreachable: _messages never ends")

    def _make_room(self, doing: str, size: int, answers: int) -> None:
        """Buffers for a transaction of size bytes; MessageTooLong when this process may not have them.

        The kernel takes a transaction only as one datagram. Beyond net.core.wmem_max a send buffer takes CAP_NET_ADMIN
        in the first user namespace, which a rootless container has not.
        """
        for forced, plain, want in (
            (_SO_SNDBUFFORCE, socket.SO_SNDBUF, size + _SLACK),
            (_SO_RCVBUFFORCE, socket.SO_RCVBUF, answers * _ANSWER),
        ):
            if self._socket.getsockopt(socket.SOL_SOCKET, plain) >= want:
                continue
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, forced, want)
            except OSError:
                self._socket.setsockopt(socket.SOL_SOCKET, plain, want)
        limit = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - _SLACK
        if size > limit:
            raise errors.too_long(doing, size, limit)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _expect(self, seq: int, received: wire.Message) -> None:
        if received.seq != seq:
            raise errors.MalformedMessage(f"netlink: an answer to request {received.seq} came while {seq} was asked")
        if received.type == wire.NLMSG_OVERRUN:
            raise errors.from_errno("reading from the kernel", errno.ENOBUFS)

    def _send(self, doing: str, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except OSError as error:
            raise errors.from_errno(doing, error.errno or 0) from error
        if sent != len(data):
            raise errors.NetlinkError(f"{doing}: the kernel took {sent} of {len(data)} bytes")

    def _messages(self, doing: str) -> Iterator[wire.Message]:
        """Messages from the kernel, without end; what other processes send to our port is dropped."""
        while True:
            try:
                data, _ancillary, flags, sender = self._socket.recvmsg(_RECEIVE)
            except socket.timeout as error:
                raise errors.NetlinkError(f"{doing}: the kernel did not answer for {_SILENCE_SECONDS:.0f} s") from error
            except OSError as error:
                raise errors.from_errno(doing, error.errno or 0) from error
            if sender[0] != 0:
                continue
            if flags & socket.MSG_TRUNC or not data:
                raise errors.MalformedMessage(f"{doing}: a netlink datagram was cut off")
            for received in wire.parse_messages(data):
                if received.type != wire.NLMSG_NOOP:
                    yield received


def netns_cookie() -> int | None:
    """The number the kernel gave this network namespace, never used twice since boot; None before Linux 5.14."""
    option = _SO_NETNS_COOKIE.get(os.uname().machine, _SO_NETNS_COOKIE_GENERIC)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            value = sock.getsockopt(socket.SOL_SOCKET, option, 8)
        except OSError:
            return None
    return int(struct.unpack("=Q", value)[0]) if len(value) == 8 else None
