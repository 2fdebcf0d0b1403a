# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs of a host say to each other over loopback arrives, whatever the policy is."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import BINARIES, HERE, load, nft
from ansible_collections.tidegate.nftables.tests.support.waiting import PATIENCE

PORT, REDIRECTED = 7001, 7002
# From port REDIRECTED of one of the host's own addresses to port PORT of another one.
LOCAL_NAT = f"""
table inet local_nat {{
  chain output {{
    type nat hook output priority -100;
    ip daddr 127.0.0.1 udp dport {REDIRECTED} dnat ip to {HERE[4]}:{PORT}
    ip daddr {HERE[4]} udp dport {REDIRECTED} dnat ip to 127.0.0.1:{PORT}
    ip6 daddr {HERE[6]} udp dport {REDIRECTED} dnat ip6 to [::1]:{PORT}
  }}
}}
"""


@pytest.fixture(params=BINARIES, ids=lambda path: path.parent.name)
def enforcing(request: pytest.FixtureRequest, network: None, tmp_path: Path) -> None:
    variables = {"egress_mode": "enforce", "egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"]}
    load(compile_table(policy.build(variables, FixedInventory())), tmp_path, request.param)
    nft("-f", "-", given=LOCAL_NAT, binary=request.param)


@pytest.mark.parametrize(
    ("to", "port"),
    [
        *((to, PORT) for to in ("127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::", HERE[4], HERE[6])),
        *((to, REDIRECTED) for to in ("127.0.0.1", HERE[4], HERE[6])),
    ],
)
def test_a_question_and_its_answer_arrive(to: str, port: int, enforcing: None) -> None:
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as server, socket.socket(family, socket.SOCK_DGRAM) as client:
        server.bind(("", PORT))
        for end in (server, client):
            end.settimeout(PATIENCE)
        client.sendto(b"question", (to, port))
        question, source = server.recvfrom(99)
        server.sendto(b"answer", source)
        assert (question, client.recv(99)) == (b"question", b"answer")


@pytest.mark.parametrize("to", ["127.255.255.255", "255.255.255.255", "224.0.0.251", "239.1.1.1"])
def test_broadcast_and_multicast_by_lo_arrive(to: str, enforcing: None) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("", PORT))
        server.settimeout(PATIENCE)
        membership = socket.inet_aton(to) + socket.inet_aton("127.0.0.1")
        if to.startswith("2") and not to.startswith("255"):
            server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        client.sendto(b"announcement", (to, PORT))
        assert server.recv(99) == b"announcement"
