# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the compiled table, a container behind its bridge, and the outside, where a sniffer decides."""

from __future__ import annotations

import ipaddress
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_namespace, process_namespace
from ansible_collections.tidegate.nftables.tests.support.waiting import run, wait_for

from .attacks import NAME_SERVER, NAME_SERVER6, UPLINK, WEB, Attack

HERE, CONTAINER = {4: "198.18.0.1", 6: "2001:2::1"}, {4: "172.30.0.2", 6: "fd00:30::2"}
GATEWAY = {4: "172.30.0.1", 6: "fd00:30::1"}
BRIDGE = "docker0"
POLICY: Mapping[str, Any] = {
    "egress_tier": "app",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
    "egress_dns_servers": [NAME_SERVER, NAME_SERVER6],
    "egress_ntp_servers": ["198.18.0.123"],
    "egress_never": [{"to": "cloud-metadata"}, {"to": ["203.0.113.66"], "services": ["any"]}],
    "egress_containers": True,
    "egress_allow_app": [{"name": "web", "to": [WEB], "services": ["https"], "for": ["host", "containers"]}],
}
# A published port that leads outside, as Docker or kube-proxy write it.
PUBLISHED = """
table inet published {
  chain output {
    type nat hook output priority -100;
    ip daddr 198.18.0.1 udp dport 8080 dnat ip to 203.0.113.9
    ip daddr 198.18.0.1 tcp dport 8080 dnat ip to 203.0.113.9
    ip daddr 127.0.0.1 udp dport 8080 dnat ip to 203.0.113.9
    ip6 daddr 2001:2::1 udp dport 8080 dnat ip6 to 2001:db8::9
  }
}
"""
_RIGHTS = {
    "user": ("--reuid=20001", "--regid=20001", "--clear-groups", "--bounding-set=-all"),
    "binder": (
        "--reuid=20001",
        "--regid=20001",
        "--clear-groups",
        "--inh-caps=-all,+net_bind_service",
        "--ambient-caps=-all,+net_bind_service",
    ),
    "container": ("--bounding-set=-all,+net_raw,+net_bind_service",),
}
"""Who attacks, by what setpriv leaves him: an ordinary user of the host; one who may bind low ports, as a web server
may; root of a container, as container engines make him."""
_SEND = str(Path(__file__).with_name("send.py"))
_ALL_FRAMES = 3  # ETH_P_ALL
_DESTINATION = {0x0800: slice(30, 34), 0x86DD: slice(38, 54)}
_SENT_BY_US = socket.PACKET_OUTGOING


@dataclass
class World:
    """The processes that hold the namespaces of host and container, and the sniffer on the other end of the uplink."""

    host: int
    container: int
    sniffer: socket.socket

    def left(self, attack: Attack, identity: str) -> int:
        """Carry out an attack; return how many packets to its destination left the host."""
        token = uuid.uuid4().hex
        namespace = self.container if identity == "container" else self.host
        words = [sys.executable, "-I", _SEND, attack.way, json.dumps(attack.arguments), NAME_SERVER, token]
        self._run(namespace, "setpriv", *_RIGHTS[identity], *words)
        packets: list[bytes] = []
        wait_for(lambda: self._until(token.encode(), packets), "the packet after the attack")
        destination = ipaddress.ip_address(attack.seen).packed
        return sum(_destination(packet) == destination for packet in packets)

    def load(self, mode: str, **changes: Any) -> None:
        """Load the table of the policy in a mode, and the one with the published port, in place of all tables."""
        resolved = policy.build({**POLICY, "egress_mode": mode, **changes}, FixedInventory())
        self._run(self.host, "nft", "-f", "-", text=f"flush ruleset\n{PUBLISHED}\n{render(compile_table(resolved))}")

    def _until(self, token: bytes, packets: list[bytes]) -> bool:
        """Take what the sniffer has; return whether the token is in it."""
        while True:
            try:
                packet, (_interface, _protocol, kind, *_rest) = self.sniffer.recvfrom(65536)
            except BlockingIOError:
                return False
            if token in packet:
                return True
            if kind != _SENT_BY_US:
                packets.append(packet)

    def _run(self, pid: int, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return run(["nsenter", "-t", str(pid), "-n", *words], text=text)

    def sysctl(self, pid: int, *settings: str) -> None:
        """Write settings of the kernel in a namespace."""
        self._run(pid, "sysctl", "-qw", *settings)

    def ip(self, pid: int, *commands: str) -> None:
        """Run commands of ip in a namespace."""
        for command in commands:
            self._run(pid, "ip", *command.split())


def _destination(packet: bytes) -> bytes:
    place = _DESTINATION.get(int.from_bytes(packet[12:14], "big"))
    return packet[place] if place else b""


@contextmanager
def world() -> Iterator[World]:
    """Make the namespaces; this thread is outside."""
    with own_namespace(), process_namespace() as host, process_namespace() as container:
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
        with sniffer:
            made = World(host, container, sniffer)
            _wire(made)
            sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sniffer.bind(("tgpeer", _ALL_FRAMES))
            sniffer.settimeout(0)
            yield made


def _wire(made: World) -> None:
    """Connect the three: a wire without neighbours to ask for, over which every packet leaves at once, and a bridge."""
    run(["ip", "link", "add", "tgpeer", "type", "veth", "peer", "name", UPLINK, "netns", str(made.host)])
    run(["ip", "link", "set", "tgpeer", "up"])
    made.ip(
        made.host,
        "link set lo up",
        f"link set {UPLINK} arp off up",
        f"address add {HERE[4]}/24 dev {UPLINK}",
        f"-6 address add {HERE[6]}/64 dev {UPLINK} nodad",
        f"route add default dev {UPLINK}",
        f"-6 route add default dev {UPLINK}",
        f"link add {BRIDGE} type bridge",
        f"link add tgport master {BRIDGE} type veth peer name eth0 netns {made.container}",
        f"address add {GATEWAY[4]}/24 dev {BRIDGE}",
        f"-6 address add {GATEWAY[6]}/64 dev {BRIDGE} nodad",
        f"link set {BRIDGE} up",
        "link set tgport up",
    )
    made.sysctl(made.host, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0")
    # A host that forwards whatever it is asked to, and lets everybody ping.
    made.sysctl(made.host, *(f"net.ipv4.conf.{name}.accept_source_route=1" for name in ("all", BRIDGE)))
    made.sysctl(made.host, *(f"net.ipv6.conf.{name}.seg6_enabled=1" for name in ("all", BRIDGE)))
    made.sysctl(made.host, "net.ipv4.ping_group_range=0 2147483647")
    made.ip(
        made.container,
        "link set lo up",
        "link set eth0 up",
        f"address add {CONTAINER[4]}/24 dev eth0",
        f"-6 address add {CONTAINER[6]}/64 dev eth0 nodad",
        f"route add default via {GATEWAY[4]}",
        f"-6 route add default via {GATEWAY[6]}",
    )
