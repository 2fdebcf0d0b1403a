# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a netlink socket, send requests, read answers, and turn errors into types."""

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
# The kernel answers while the request is sent; silence for this long means that an answer was lost.
_SILENCE_SECONDS = 60.0
# Single requests under way at once: their answers fit into the smallest receive buffer that Linux gives by default.
_WINDOW = 64
_DUMP_ATTEMPTS = 40
_DUMP_PAUSE_SECONDS = 0.005

_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
# Bytes that netlink_sendmsg keeps free of the send buffer, and more than an answer without its request takes.
_SLACK = 32
_ANSWER = 1024

# socket.h differs by architecture only on these two.
_SO_NETNS_COOKIE = {"sparc64": 0x50, "parisc": 0x4045, "parisc64": 0x4045}
_SO_NETNS_COOKIE_GENERIC = 71


def open_socket() -> socket.socket:
    """Return a bound NETLINK_NETFILTER socket in the current network namespace."""
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

    def ask(self, action: str, kind: int, family: int, attributes: bytes) -> list[wire.Message]:
        """Return the answers to one request (not a dump). Raises NetlinkError when the kernel refuses.

        action: what the request is for, in error messages ("reading table inet web").
        """
        seq = self._next()
        self._send(action, wire.nft_message(kind, wire.NLM_F_ACK, seq, family, attributes))
        answers: list[wire.Message] = []
        for received in self._messages(action):
            self._expect(seq, received)
            if received.type == wire.NLMSG_ERROR:
                answer = wire.parse_error(received)
                if answer.error:
                    raise errors.from_errno(action, answer.error, answer.text)
                return answers
            answers.append(received)
        raise AssertionError("unreachable: _messages never ends")

    def ask_each(
        self, action: str, kind: int, family: int, requests: Iterable[bytes], *, allow_silence: bool = False
    ) -> list[wire.Message | None]:
        """Return one answer for each request's attributes, in order; None where the kernel has none (ENOENT).

        allow_silence: success without an answer means None too, as when a missing end is asked for.
        """
        answers: list[wire.Message | None] = []
        window: list[bytes] = []
        for attributes in requests:
            window.append(attributes)
            if len(window) == _WINDOW:
                answers += self._ask_window(action, kind, family, window, allow_silence=allow_silence)
                window = []
        if window:
            answers += self._ask_window(action, kind, family, window, allow_silence=allow_silence)
        return answers

    def _ask_window(
        self, action: str, kind: int, family: int, window: list[bytes], *, allow_silence: bool
    ) -> list[wire.Message | None]:
        expected_seq = self.reserve(len(window))
        requests = [
            wire.nft_message(kind, wire.NLM_F_ACK, seq, family, attributes)
            for seq, attributes in enumerate(window, start=expected_seq)
        ]
        self._send(action, b"".join(requests))
        answers: list[wire.Message | None] = []
        pending: wire.Message | None = None
        for received in self._messages(action):
            self._expect(expected_seq, received)
            if received.type != wire.NLMSG_ERROR:
                if pending is not None:
                    raise errors.MalformedMessage(f"{action}: the kernel sent two answers to one request")
                pending = received
                continue
            answer = wire.parse_error(received)
            if answer.error not in (0, errno.ENOENT):
                raise errors.from_errno(action, answer.error, answer.text)
            if pending is None and not answer.error and not allow_silence:
                raise errors.MalformedMessage(f"{action}: the kernel reported success without an answer")
            answers.append(pending)
            expected_seq, pending = expected_seq + 1, None
            if len(answers) == len(window):
                return answers
        raise AssertionError("unreachable: _messages never ends")

    def dump(self, action: str, kind: int, family: int, attributes: bytes) -> list[wire.Message]:
        """Return all messages of one consistent dump; a dump that a commit interrupts is read again."""
        for attempt in range(_DUMP_ATTEMPTS):
            messages = self._dump_once(action, kind, family, attributes)
            if messages is not None:
                return messages
            time.sleep(_DUMP_PAUSE_SECONDS * min(attempt + 1, 10))
        raise errors.from_errno(action, errno.EINTR, f"{_DUMP_ATTEMPTS} attempts")

    def _dump_once(self, action: str, kind: int, family: int, attributes: bytes) -> list[wire.Message] | None:
        seq = self._next()
        self._send(action, wire.nft_message(kind, wire.NLM_F_DUMP, seq, family, attributes))
        messages: list[wire.Message] = []
        interrupted = False
        for received in self._messages(action):
            self._expect(seq, received)
            interrupted = interrupted or bool(received.flags & wire.NLM_F_DUMP_INTR)
            if received.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
                ended = received.type == wire.NLMSG_DONE
                error = wire.parse_done(received) if ended else wire.parse_error(received).error
                if error not in (0, errno.EINTR):
                    raise errors.from_errno(action, error)
                return None if interrupted or error else messages
            messages.append(received)
        raise AssertionError("unreachable: _messages never ends")

    def reserve(self, count: int) -> int:
        """Reserve count message numbers for a transaction; return the first."""
        first = self._seq + 1
        self._seq += count
        return first

    def transact(
        self, action: str, parts: list[bytes], first: int, last: int
    ) -> Iterator[tuple[int, wire.KernelAnswer]]:
        """Send a transaction; yield number and answer of the messages that the kernel answers, up to the last one.

        When the kernel refuses the whole transaction (number first), no other answer comes: the caller stops there.
        """
        data = b"".join(parts)
        self._make_room(action, len(data), len(parts))
        self._send(action, data)
        for received in self._messages(action):
            if received.type != wire.NLMSG_ERROR or not first <= received.seq <= last:
                raise errors.MalformedMessage(f"{action}: unexpected message {received.seq} of type {received.type:#x}")
            yield received.seq, wire.parse_error(received)
            if received.seq == last:
                return

    def settled(self, action: str, generation: int) -> bool:
        """Return whether this is the current generation and its commit is complete; wait for a commit under way.

        The kernel counts a generation before it removes the old elements. A transaction without messages changes
        nothing, but the kernel handles it only between commits. It answers only a stale one, so a request follows.
        """
        first = self.reserve(3)
        last = first + 2
        self._send(action, wire.batch_begin(first, generation) + wire.batch_end(first + 1))
        self._send(action, wire.nft_message(wire.NFT_MSG_GETGEN, wire.NLM_F_ACK, last, 0, b""))
        stale = False
        for received in self._messages(action):
            if received.seq != first:
                self._expect(last, received)
            if received.type != wire.NLMSG_ERROR:
                continue
            error = wire.parse_error(received).error
            if error not in (0, errors.ERESTART):
                raise errors.from_errno(action, error)
            stale = stale or error == errors.ERESTART
            if received.seq == last:
                return not stale
        raise AssertionError("unreachable: _messages never ends")

    def _make_room(self, action: str, size: int, answers: int) -> None:
        """Make the buffers large enough for a transaction of size bytes; MessageTooLong when that is not allowed.

        The kernel accepts a transaction only as one datagram. A send buffer beyond net.core.wmem_max requires
        CAP_NET_ADMIN in the first user namespace, which a rootless container does not have.
        """
        for forced, plain, needed in (
            (_SO_SNDBUFFORCE, socket.SO_SNDBUF, size + _SLACK),
            (_SO_RCVBUFFORCE, socket.SO_RCVBUF, answers * _ANSWER),
        ):
            if self._socket.getsockopt(socket.SOL_SOCKET, plain) >= needed:
                continue
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, forced, needed)
            except OSError:
                self._socket.setsockopt(socket.SOL_SOCKET, plain, needed)
        limit = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - _SLACK
        if size > limit:
            raise errors.too_long(action, size, limit)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _expect(self, seq: int, received: wire.Message) -> None:
        if received.seq != seq:
            raise errors.MalformedMessage(f"netlink: an answer to request {received.seq}, expected one to {seq}")
        if received.type == wire.NLMSG_OVERRUN:
            raise errors.from_errno("reading from the kernel", errno.ENOBUFS)

    def _send(self, action: str, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except OSError as error:
            raise errors.from_errno(action, error.errno or 0) from error
        if sent != len(data):
            raise errors.NetlinkError(f"{action}: the kernel accepted {sent} of {len(data)} bytes")

    def _messages(self, action: str) -> Iterator[wire.Message]:
        """Yield messages from the kernel, without end; messages of other processes are ignored."""
        while True:
            try:
                data, _ancillary, flags, sender = self._socket.recvmsg(_RECEIVE)
            except socket.timeout as error:
                raise errors.NetlinkError(
                    f"{action}: the kernel did not answer for {_SILENCE_SECONDS:.0f} s"
                ) from error
            except OSError as error:
                raise errors.from_errno(action, error.errno or 0) from error
            if sender[0] != 0:
                continue
            if flags & socket.MSG_TRUNC or not data:
                raise errors.MalformedMessage(f"{action}: a netlink datagram is truncated")
            for received in wire.parse_messages(data):
                if received.type != wire.NLMSG_NOOP:
                    yield received


def netns_cookie() -> int | None:
    """Return the kernel's number of this network namespace, never used twice since boot; None before Linux 5.14."""
    option = _SO_NETNS_COOKIE.get(os.uname().machine, _SO_NETNS_COOKIE_GENERIC)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            value = sock.getsockopt(socket.SOL_SOCKET, option, 8)
        except OSError:
            return None
    return int(struct.unpack("=Q", value)[0]) if len(value) == 8 else None
