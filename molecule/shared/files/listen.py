# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer on every given address: listen.py tcp=22,443 udp=53 ADDRESS …

TCP connections get one byte and are closed, UDP datagrams come back as they are. Every address has sockets of its own,
so that an answer comes from the address that was asked. Prints ``ready`` when all of them listen.
"""

from __future__ import annotations

import selectors
import socket
import sys

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def listener(protocol: str, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, KINDS[protocol])
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if protocol == "tcp":
        sock.listen(64)
    return sock


def answer(sock: socket.socket) -> None:
    try:
        if sock.type == socket.SOCK_STREAM:
            with sock.accept()[0] as connection:
                connection.sendall(b"!")
        else:
            data, peer = sock.recvfrom(2048)
            sock.sendto(data, peer)
    except OSError as error:  # the peer went away: the next one must be served all the same
        print(error, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    ports = dict(argument.split("=") for argument in arguments if "=" in argument)
    addresses = [argument for argument in arguments if "=" not in argument]
    selector = selectors.DefaultSelector()
    for protocol, numbers in ports.items():
        for port in numbers.split(","):
            for address in addresses:
                selector.register(listener(protocol, address, int(port)), selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _events in selector.select():
            answer(key.fileobj)  # type: ignore[arg-type]  # only sockets were registered


if __name__ == "__main__":
    main(sys.argv[1:])
