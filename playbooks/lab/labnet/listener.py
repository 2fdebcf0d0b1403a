# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every host of the lab answering on every port, over TCP and UDP, IPv4 and IPv6, from one process and one selector."""

from __future__ import annotations

import resource
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from . import answers
from .namespace import inside
from .topology import LabError, Net

BACKLOG = 1024
_NOBODY_CARES = (OSError,)
"""Who left before the answer is no concern of a server."""


@dataclass(frozen=True)
class _Place:
    host: str
    port: int


class Listener:
    """The sockets of all hosts. ``selector`` may watch other things too; their data are callables, as here."""

    def __init__(self, net: Net, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._zone: answers.Zone = {host.name: [str(address.ip) for address in host.addresses] for host in net.hosts}
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for host in net.hosts:
            with inside(net.namespace(host.name)):
                for port in net.ports:
                    self._listen(_Place(host.name, port))

    def close(self) -> None:
        """Close every socket: one that stays open keeps its namespace alive."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                self._forget(key.fileobj)

    def _listen(self, place: _Place) -> None:
        for kind, ready in ((socket.SOCK_STREAM, self._accept), (socket.SOCK_DGRAM, self._datagram)):
            sock = socket.socket(socket.AF_INET6, kind)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                sock.bind(("::", place.port))
            except OSError as error:
                sock.close()
                raise LabError(f"{place.host}: port {place.port}: {error.strerror}") from error
            if kind == socket.SOCK_STREAM:
                sock.listen(BACKLOG)
            self._watch(sock, ready, place)

    def _watch(self, sock: socket.socket, ready: Callable[[socket.socket, _Place], None], place: _Place) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library names no parameter here
        self._selector.register(sock, selectors.EVENT_READ, lambda: ready(sock, place))

    def _forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()

    def _datagram(self, sock: socket.socket, place: _Place) -> None:
        with suppress(*_NOBODY_CARES):
            question, sender = sock.recvfrom(4096)
            answer = self._udp_answer(question, place)
            if answer:
                sock.sendto(answer, sender)

    def _udp_answer(self, question: bytes, place: _Place) -> bytes:
        if place.port == answers.DNS:
            return answers.dns(question, self._zone)
        if place.port == answers.NTP:
            return answers.ntp(question)
        return answers.greeting(place.host, "udp", place.port)

    def _accept(self, sock: socket.socket, place: _Place) -> None:
        with suppress(*_NOBODY_CARES):
            caller, _address = sock.accept()
            if place.port == answers.DNS:
                self._watch(caller, self._dns_over_tcp, place)
                return
            with caller:
                caller.send(answers.greeting(place.host, "tcp", place.port))

    def _dns_over_tcp(self, sock: socket.socket, _place: _Place) -> None:
        """One message, its length before it (RFC 1035, section 4.2.2), in one segment as every resolver sends it."""
        with suppress(*_NOBODY_CARES):
            question = sock.recv(4096)
            answer = answers.dns(question[2:], self._zone)
            if answer:
                sock.send(len(answer).to_bytes(2, "big") + answer)
        self._forget(sock)
