# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another policy reaches a proxy that is busy: nobody is rejected meanwhile, and tunnels go on."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from functools import partial
from typing import Self

from ansible_collections.tidegate.nftables.tests.support import proxy
from ansible_collections.tidegate.nftables.tests.support.proxy import PORT, PROXY, Proxy
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import APP, ENTRIES, policy_of

RELOADS = 5
BETWEEN = 150
"""Answers that clients have between two reloads."""


class Load:
    """Clients that ask for a tunnel again and again."""

    def __init__(self, name: str) -> None:
        self.answers: Counter[str] = Counter()
        self._name, self._over, self._lock = name, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _number in range(8)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def number(self) -> int:
        return sum(self.answers.values())

    def has(self, number: int) -> bool:
        """Return whether so many answers came."""
        return self.number >= number

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                answer = tunnel(self._name)[0]
            except OSError as error:
                answer = repr(error)
            with self._lock:
                self.answers[answer] += 1


def tunnel(name: str) -> tuple[str, socket.socket]:
    """Return the first line of the answer to a CONNECT, and the connection."""
    connection = socket.create_connection((PROXY, PORT), source_address=(APP, 0))
    connection.sendall(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = connection.recv(4096)
        if not more:
            break
        answer += more
    return answer.partition(b"\r\n")[0].decode(), connection


def test_a_reload_under_load_rejects_nobody_and_ends_no_tunnel(world: Proxy) -> None:
    first_line, connection = tunnel("a.wild.example")
    assert first_line.startswith("HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=str(world.certificate))
    kept = [{**entry, "reason": "still"} for entry in ENTRIES if entry["name"] != "wild"]
    with context.wrap_socket(connection, server_hostname="a.wild.example") as tls, Load("api.pay.example") as load:
        for number in range(RELOADS):
            count = load.number
            changed = kept[: len(kept) - number % 2]
            world.write([proxy.client("app1", policy_of(egress_allow_app=changed), APP)])
            assert world.parse().returncode == 0
            world.reload()
            wait_for(partial(load.has, count + BETWEEN), "answers", progress=lambda: load.number)
        tls.sendall(b"GET / HTTP/1.1\r\nHost: a.wild.example\r\n\r\n")
        assert b"200 OK" in tls.recv(4096)
        assert set(load.answers) == {"HTTP/1.1 200 Connection established"}, load.answers
    assert tunnel("a.wild.example")[0].startswith("HTTP/1.1 403 ")
    assert "FATAL" not in (world.directory / "cache.log").read_text(encoding="utf-8")
