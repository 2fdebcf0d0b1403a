# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that opens connections without end takes nobody's but its own."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

import pytest

from ansible_collections.tidegate.nftables.tests.support import proxy, squid
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace
from ansible_collections.tidegate.nftables.tests.support.proxy import PORT, PROXY
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import APP, OBSERVED, policy_of
from .test_requests import connect

MOST = 3
WITHOUT = "4.13"
"""The release that cannot bound them."""


def is_open(connection: socket.socket) -> bool:
    """Return whether the proxy has not closed a connection, on which nothing was asked."""
    connection.setblocking(False)  # noqa: FBT003 (its name says it)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize("version", [version for version in squid.VERSIONS if version != WITHOUT])
def test_a_client_has_so_many_connections_and_no_more(version: str) -> None:
    clients = [proxy.client("app1", policy_of(), APP), proxy.client("app2", policy_of(), OBSERVED)]
    with own_namespace(), proxy.world(version, clients, connections=MOST) as world, ExitStack() as opened:
        several = [
            opened.enter_context(socket.create_connection((PROXY, PORT), source_address=(APP, 0)))
            for _number in range(10 * MOST)
        ]
        # Each worker has its own count, and ends what is more than one too many.
        wait_for(lambda: sum(map(is_open, several)) <= 2 * (MOST + 1), "the end of the others", process=world.process)
        assert connect(OBSERVED, "other.example:443").startswith("HTTP/1.1 403 ")
        for connection in several:
            with suppress(OSError):
                connection.close()
        wait_for(lambda: answers(APP), "room for the client again", process=world.process)


def test_squid_4_has_no_bound() -> None:
    """With its own, connections beyond it stay open without an answer, so none is set."""
    clients = [proxy.client("app1", policy_of(), APP)]
    with own_namespace(), proxy.world(WITHOUT, clients, connections=MOST), ExitStack() as opened:
        for _number in range(10 * MOST):
            opened.enter_context(socket.create_connection((PROXY, PORT), source_address=(APP, 0)))
        assert all(answers(APP) for _number in range(2 * MOST))


def answers(client: str) -> bool:
    with suppress(OSError):
        return connect(client, "other.example:443").startswith("HTTP/1.1 403 ")
    return False
