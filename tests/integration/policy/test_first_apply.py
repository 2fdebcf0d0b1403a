# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first apply hurts nobody: open connections, neighbours, memberships, leases, and the way in stay."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import older_connections
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    HERE,
    THERE,
    counters,
    elements,
    ip,
    load,
    start,
)
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE, finish, wait_for_line

CLIENT = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
print(connection.recv(9).decode())
"""
KNOCK = "import socket,sys; socket.create_connection((sys.argv[1],int(sys.argv[2])),5)"
SERVE = """
import socket, sys
server = socket.create_server((sys.argv[1], 9), family=int(sys.argv[2]))
print("ready", flush=True)
sys.stdin.read()
"""


def spec(**changes: Any) -> dict[str, Any]:
    """The table as the first apply loads it."""
    variables = {
        "egress_mode": "enforce",
        "egress_tier": "database",
        "egress_internal_networks": ["10.0.0.0/8"],
        **changes,
    }
    return older_connections.kept([compile_table(policy.build(variables, FixedInventory()))])[0]


@pytest.mark.parametrize("version", [4, 6])
def test_a_session_older_than_connection_tracking_stays_open(version: int, peer: int, tmp_path: Path) -> None:
    with socket.create_server((HERE[version], 0), family=_family(version)) as server:
        client = start(peer, CLIENT, HERE[version], str(server.getsockname()[1]), str(PATIENCE))
        connection = server.accept()[0]
        load(spec(), tmp_path)
        with connection:
            # This side speaks first: to connection tracking the flow is new, and outgoing.
            connection.sendall(b"still")
            assert finish(client)[0] == "still\n"
    assert counters()["denied"] == 0


@pytest.mark.parametrize("version", [4, 6])
def test_it_is_the_floor_that_keeps_it_open(version: int, peer: int, tmp_path: Path) -> None:
    with socket.create_server((HERE[version], 0), family=_family(version)) as server:
        client = start(peer, CLIENT, HERE[version], str(server.getsockname()[1]), "2")
        connection = server.accept()[0]
        load(spec(egress_floor_without=["older-connections"]), tmp_path)
        with connection:
            connection.sendall(b"still")
            assert finish(client)[0] != "still\n"


def test_an_interface_that_comes_up_keeps_neighbours_and_memberships(peer: int, tmp_path: Path) -> None:
    entries = [{"name": "peer", "to": [THERE[6], THERE[4]], "services": ["tcp/9"]}]
    load(spec(egress_tier="app", egress_allow_x=entries), tmp_path)
    ip("link set tgwire down", "link set tgwire up", "-6 address replace 2001:2::1/64 dev tgwire nodad")
    for version in (6, 4):
        server = start(peer, SERVE, THERE[version], str(int(_family(version))))
        try:
            wait_for_line(server)
            socket.create_connection((THERE[version], 9), timeout=PATIENCE).close()
        finally:
            server.kill()
            server.communicate()
    assert counters()["denied"] == 0
    assert [elements(f"denied_nosocket_proto{version}") for version in (4, 6)] == [[], []]


@pytest.mark.parametrize(
    ("address", "here", "there"),
    [("198.18.0.2", 68, 67), ("255.255.255.255", 68, 67), ("ff02::1:2", 546, 547)],
)
def test_a_lease_is_renewed_from_its_own_port_only(
    address: str, here: int, there: int, peer: int, tmp_path: Path
) -> None:
    load(spec(egress_internal_networks=["198.18.0.0/15"]), tmp_path)
    for port, refused in ((here, 0), (here + 1000, 1)):
        with socket.socket(_family(6 if ":" in address else 4), socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tgwire")
            client.bind(("", port))
            try:
                client.sendto(b"renew", (address, there))
            except PermissionError:
                assert refused
        assert counters()["denied"] == refused


def test_inbound_lets_in_what_it_names_and_always_the_connection_of_ansible(peer: int, tmp_path: Path) -> None:
    inbound = [{"name": "site", "from": [THERE[4]], "services": ["tcp/8080"]}]
    load(spec(egress_inbound_allow=inbound, ansible_port=2222), tmp_path)
    knocks = []
    for version in (4, 6):
        for port in (2222, 8080, 9090):
            with socket.create_server((HERE[version], port), family=_family(version)):
                knocks.append((version, port, _knocks(peer, HERE[version], port)))
    assert knocks == [
        *((4, 2222, True), (4, 8080, True), (4, 9090, False)),
        *((6, 2222, True), (6, 8080, False), (6, 9090, False)),
    ]
    assert counters()["denied_inbound"] > 0
    assert counters()["denied"] == 0


def test_inbound_in_observe_mode_lets_everything_in(peer: int, tmp_path: Path) -> None:
    inbound = [{"name": "site", "from": [THERE[4]], "services": ["tcp/8080"]}]
    load(spec(egress_inbound_allow=inbound, egress_mode="observe"), tmp_path)
    with socket.create_server((HERE[4], 9090)):
        assert _knocks(peer, HERE[4], 9090)
    assert counters()["would_deny_inbound"] > 0


def _knocks(peer: int, address: str, port: int) -> bool:
    """Return whether the peer gets a connection."""
    process = start(peer, KNOCK, address, str(port))
    finish(process)
    return process.returncode == 0


def _family(version: int) -> socket.AddressFamily:
    return socket.AF_INET if version == 4 else socket.AF_INET6
