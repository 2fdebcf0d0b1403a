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

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import netlink_errors as errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import netlink_wire as wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Callable, Iterator

_NETLINK_NETFILTER = 12
_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
# The kernel sends dumps in datagrams of at most 32 KiB when the reader's buffer holds that much.
_RECEIVE = 65536
# The kernel answers while the request is being sent; silence for this long means an answer was lost.
_SILENCE_SECONDS = 60.0
_DUMP_ATTEMPTS = 40
_DUMP_PAUSE_SECONDS = 0.005

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
