# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer for every host of the lab on every port, over TCP and UDP, IPv4 and IPv6, in one process with one selector."""

from __future__ import annotations

import ipaddress
import resource
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from . import answers
from .namespace import inside
from .topology import LabError, LabNet

BACKLOG = 1024
EVERY = "::"
FREEBIND = 78  # IPV6_FREEBIND of linux/in6.h (Linux 4.15), which Python does not name


@dataclass(frozen=True)
class _Endpoint:
    host: str
    port: int


def mapped(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return an address for a socket of IPv6, which takes IPv4 too."""
    return f"::ffff:{address}" if address.version == 4 else str(address)


class Listener:
    """The sockets of all hosts. selector: may watch other files too; the data of each is a callable.

    Errors of single packets and connections are ignored: the sender may be gone before the answer.
    """

    def __init__(self, net: LabNet, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        addresses = {host.name: [str(address.ip) for address in host.addresses] for host in net.hosts}
        self._zone: answers.Zone = {
            **{f"{host}.{answers.DOMAIN}": listed for host, listed in addresses.items()},
            **{name: addresses[host] for name, host in net.names.items()},
        }
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        for host in net.hosts:
            with inside(net.namespace(host.name)):
                # A resolver of the host itself has another address for its port.
                own = [mapped(address.ip) for address in host.addresses]
                for port in net.ports:
                    for address in own if port == answers.DNS else [EVERY]:
                        self._listen(_Endpoint(host.name, port), address)

    def close(self) -> None:
        """Close every socket: an open one keeps its namespace alive."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                self._forget(key.fileobj)

    def _listen(self, endpoint: _Endpoint, address: str) -> None:
        for kind, ready in ((socket.SOCK_STREAM, self._accept), (socket.SOCK_DGRAM, self._datagram)):
            sock = socket.socket(socket.AF_INET6, kind)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            # Without address detection, too, the kernel makes an IPv6 address usable a moment after it was added.
            sock.setsockopt(socket.IPPROTO_IPV6, FREEBIND, 1)
            try:
                sock.bind((address, endpoint.port))
            except OSError as error:
                sock.close()
                raise LabError(f"{endpoint.host}: port {endpoint.port}: {error.strerror}") from error
            if kind == socket.SOCK_STREAM:
                sock.listen(BACKLOG)
            self._watch(sock, ready, endpoint)

    def _watch(
        self, sock: socket.socket, ready: Callable[[socket.socket, _Endpoint], None], endpoint: _Endpoint
    ) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library names no parameter here
        self._selector.register(sock, selectors.EVENT_READ, lambda: ready(sock, endpoint))

    def _forget(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()

    def _datagram(self, sock: socket.socket, endpoint: _Endpoint) -> None:
        with suppress(OSError):
            question, sender = sock.recvfrom(4096)
            answer = self._udp_answer(question, endpoint)
            if answer:
                sock.sendto(answer, sender)

    def _udp_answer(self, question: bytes, endpoint: _Endpoint) -> bytes:
        if endpoint.port == answers.DNS:
            return answers.dns(question, self._zone)
        if endpoint.port == answers.NTP:
            return answers.ntp(question)
        return answers.greeting(endpoint.host, "udp", endpoint.port)

    def _accept(self, sock: socket.socket, endpoint: _Endpoint) -> None:
        with suppress(OSError):
            connection, _address = sock.accept()
            if endpoint.port == answers.DNS:
                self._watch(connection, self._dns_over_tcp, endpoint)
                return
            with connection:
                connection.send(answers.greeting(endpoint.host, "tcp", endpoint.port))

    def _dns_over_tcp(self, sock: socket.socket, _endpoint: _Endpoint) -> None:
        """Answer one message after its length (RFC 1035, section 4.2.2), which every resolver sends in one segment."""
        with suppress(OSError):
            question = sock.recv(4096)
            answer = answers.dns(question[2:], self._zone)
            if answer:
                sock.send(len(answer).to_bytes(2, "big") + answer)
        self._forget(sock)
