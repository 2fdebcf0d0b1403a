# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers send through the host, with real packets: a container behind a bridge, a host, and the outside."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import failsafe, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger, observed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import LEDGER_SIZE
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import fail_safe
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.attack import send
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import BINARIES, counters, load, nft
from ansible_collections.tidegate.nftables.tests.support.namespaces import named_namespace
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE, wait_for_line

ALLOWED, OTHER = 7443, 7444
OUTSIDE = {4: "203.0.113.10", 6: "2001:db8::10"}
SIBLING = {4: "172.30.1.2", 6: "fd00:30:1::2"}
CONTAINER = {4: "172.30.0.2", 6: "fd00:30::2"}
ENTRIES = [
    {"name": "registry", "to": ["203.0.113.10", "2001:db8::10"], "services": [f"tcp/{ALLOWED}"], "for": ["containers"]}
]
SEND = send.__file__
LISTEN = """
import select, socket, sys
sockets = []
for port in map(int, sys.argv[1:]):
    one = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    sockets.append(one)
print("ready", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        one.accept()[0].close()
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""
FLOOD = """
import ipaddress, socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
first = ipaddress.IPv4Address(sys.argv[1])
for number in range(int(sys.argv[2])):
    sender.sendto(b"x", (str(first + number), 9))
"""


@dataclass(frozen=True)
class Net:
    """The test's own namespace is the host; beside it two containers behind bridges of their own, and the outside."""

    container: str
    sibling: str
    outside: str

    def connect(self, where: str, address: str, port: int) -> str:
        """One connection: connected, or the name of the error."""
        command = ["ip", "netns", "exec", where, sys.executable, "-c", CONNECT, address, str(port)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def flood(self, where: str, network: str, destinations: int) -> None:
        """Send one datagram to each of the first addresses of a network."""
        command = ["ip", "netns", "exec", where, sys.executable, "-c", FLOOD, network, str(destinations)]
        subprocess.run(command, check=True)


def ip(words: str, where: str = "") -> None:
    subprocess.run(["ip", *(["-n", where] if where else []), *words.split()], check=True)


def _wire(name: str, bridge: str, net4: str, net6: str) -> None:
    """A container behind a bridge; the bridge has .1 and ::1, the container .2 and ::2."""
    ip(f"link add {bridge} type bridge")
    ip(f"link add tgv-{bridge} type veth peer name eth0 netns {name}")
    ip(f"link set tgv-{bridge} master {bridge} up")
    for address in (f"{net4}.1/24", f"{net6}::1/64 nodad"):
        ip(f"address add {address.split()[0]} dev {bridge} {' '.join(address.split()[1:])}")
    ip(f"link set {bridge} up")
    ip("link set lo up", name)
    ip("link set eth0 up", name)
    ip(f"address add {net4}.2/24 dev eth0", name)
    ip(f"address add {net6}::2/64 dev eth0 nodad", name)
    ip(f"route add default via {net4}.1", name)
    ip(f"-6 route add default via {net6}::1", name)


@pytest.fixture
def net(namespace: None) -> Iterator[Net]:
    with ExitStack() as stack:
        names = [stack.enter_context(named_namespace(role)).name for role in ("c1", "c2", "out")]
        for family in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path(f"/proc/sys/net/{family}").write_text("1")
        _wire(names[0], "br-tg1", "172.30.0", "fd00:30")
        _wire(names[1], "docker0", "172.30.1", "fd00:30:1")
        ip(f"link add eth0 type veth peer name eth0 netns {names[2]}")
        for where, last in (("", 1), (names[2], 10)):
            ip("link set lo up", where)
            ip(f"address add 203.0.113.{last}/24 dev eth0", where)
            ip(f"address add 2001:db8::{last}/64 dev eth0 nodad", where)
            ip("link set eth0 up", where)
        ip("route add default via 203.0.113.1", names[2])
        ip("-6 route add default via 2001:db8::1", names[2])
        for name in names:
            command = ["ip", "netns", "exec", name, sys.executable, "-c", LISTEN, str(ALLOWED), str(OTHER)]
            listener = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(listener.kill)
            wait_for_line(listener)
        yield Net(*names)


def build(**changes: Any) -> policy.ResolvedPolicy:
    variables = {
        "egress_mode": "enforce",
        "egress_tier": "app",
        "egress_internal_networks": ["10.0.0.0/8"],
        "egress_containers": True,
        "egress_allow_app": ENTRIES,
        **changes,
    }
    return policy.build(variables, FixedInventory())


def spec(**changes: Any) -> dict[str, Any]:
    return compile_table(build(**changes))


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_only_what_an_entry_allows_leaves_a_container(net: Net, binary: Path, tmp_path: Path) -> None:
    for version, address in OUTSIDE.items():
        assert net.connect(net.container, address, OTHER) == "connected", version
    load(spec(), tmp_path, binary)
    for version, address in OUTSIDE.items():
        assert net.connect(net.container, address, ALLOWED) == "connected"
        assert net.connect(net.container, address, OTHER) == "ConnectionRefusedError"
        assert net.connect(net.sibling, address, OTHER) == "ConnectionRefusedError"
        # Between containers, and to what they publish, nothing changes.
        assert net.connect(net.container, SIBLING[version], OTHER) == "connected"
        assert net.connect(net.outside, CONTAINER[version], OTHER) == "connected"
    assert nf_tables.counters("inet", "tidegate")["denied"]["packets"] >= 4
    listing = nft("list", "table", "inet", "tidegate", binary=binary)
    assert f"203.0.113.10 . tcp . {OTHER}" in listing
    assert f"2001:db8::10 . tcp . {OTHER}" in listing


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_the_fail_safe_table_closes_containers_too(net: Net, binary: Path, mode: str) -> None:
    resolved = build(egress_mode=mode)
    nft("-f", "-", given=failsafe.table(settings.parse(fail_safe(resolved))), binary=binary)
    for version, address in OUTSIDE.items():
        expected = "connected" if mode == "observe" else "TimeoutError"
        assert net.connect(net.container, address, OTHER) == expected
        assert net.connect(net.container, SIBLING[version], OTHER) == "connected"
        assert net.connect(net.outside, CONTAINER[version], OTHER) == "connected"
    assert counters(binary)["failsafe"] > 0


def test_a_container_without_an_address_yet_asks_for_one(net: Net, tmp_path: Path) -> None:
    load(spec(), tmp_path)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, 17, 0) + socket.inet_aton("0.0.0.0") + b"\xff" * 4
    asked = (header + struct.pack("!HHHH", 68, 67, 8, 0)).hex()
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE)
        server.bind(("", 67))
        command = ["ip", "netns", "exec", net.container, sys.executable, "-I", SEND, "whole"]
        words = {"to": "255.255.255.255", "packet": asked, "broadcast": True}
        subprocess.run([*command, json.dumps(words), "172.30.0.1", "end"], check=True)
        assert server.recv(100) == b""
    assert counters()["denied_inbound"] == 0


def test_entries_for_containers_are_not_the_hosts(net: Net, tmp_path: Path) -> None:
    load(spec(), tmp_path)
    for address in OUTSIDE.values():
        done = subprocess.run(
            [sys.executable, "-c", CONNECT, address, str(ALLOWED)], check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == "ConnectionRefusedError"


def test_observe_refuses_nothing_and_counts(net: Net, tmp_path: Path) -> None:
    load(spec(egress_mode="observe"), tmp_path)
    for address in OUTSIDE.values():
        assert net.connect(net.container, address, OTHER) == "connected"
    assert counters()["would_deny"] >= 2
    listing = nft("list", "table", "inet", "tidegate")
    assert f"203.0.113.10 . tcp . {OTHER}" in listing
    assert f"2001:db8::10 . tcp . {OTHER}" in listing


def test_a_container_that_floods_hides_what_others_try_and_the_ledger_says_so(net: Net, tmp_path: Path) -> None:
    """Containers have no users, and with NET_RAW every address of their network: they share one ledger."""
    load(spec(egress_mode="observe"), tmp_path)
    ip("route add default via 203.0.113.10")
    net.flood(net.container, "100.64.0.0", LEDGER_SIZE + 8)
    net.flood(net.sibling, "198.51.100.7", 1)
    ledger = denied_ledger.read()
    assert len(ledger.lines) == LEDGER_SIZE
    assert "198.51.100.7" not in {line.address for line in ledger.lines}
    ((left_out),) = observed.facts(Host(Paths(str(tmp_path)), LiveTable()))["overflow"]
    assert (left_out["user"], left_out["packets"]) == ("no user (udp)", 9)


def test_other_bridges_than_those_named_and_no_filtering_at_all(net: Net, tmp_path: Path) -> None:
    load(spec(egress_container_interfaces=["docker0"]), tmp_path)
    for address in OUTSIDE.values():
        assert net.connect(net.container, address, OTHER) == "connected"
        assert net.connect(net.sibling, address, OTHER) == "ConnectionRefusedError"
    nft("delete", "table", "inet", "tidegate")
    load(spec(egress_containers=False), tmp_path)
    assert net.connect(net.sibling, OUTSIDE[4], OTHER) == "connected"


def test_never_and_the_floor_hold_for_containers(net: Net, tmp_path: Path) -> None:
    load(
        spec(
            egress_never=[{"to": list(OUTSIDE.values()), "services": [f"tcp/{ALLOWED}"], "except_users": ["root"]}],
            egress_dns_servers=list(OUTSIDE.values()),
        ),
        tmp_path,
    )
    for address in OUTSIDE.values():
        assert net.connect(net.container, address, ALLOWED) == "ConnectionRefusedError"
    before = counters()["denied"]
    script = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{OUTSIDE[4]}', 53))"
    subprocess.run(["ip", "netns", "exec", net.container, sys.executable, "-c", script], check=True)
    assert counters()["denied"] == before
