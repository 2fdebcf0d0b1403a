# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets match the elements: edges are right in the kernel, not only in the listing."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand

RULES = """table inet t {{
 set s {{ type {type}; {flags} }}
 counter hits {{ }}
 chain c {{ type filter hook output priority 0; udp dport 9 {match} @s counter name hits accept; }}
}}
"""


def send(address: str) -> None:
    """Send one datagram to a loopback address, port 9."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (address, 9))


def hits(nft: NftCommand) -> int:
    items = nft.items("counter", "inet", "t", "hits")
    return next(int(item["counter"]["packets"]) for item in items if "counter" in item)


CASES = [
    ("ipv4_addr", "flags interval;", "ip daddr", ["127.0.1.0/24", "127.0.3.7-127.0.3.9"],
     ["127.0.1.0", "127.0.1.255", "127.0.3.7", "127.0.3.9"], ["127.0.0.255", "127.0.2.0", "127.0.3.6", "127.0.3.10"]),
    ("ipv4_addr", "flags interval;", "ip daddr", ["127.0.1.0-255.255.255.255"], ["127.0.1.0", "127.255.255.254"],
     ["127.0.0.255"]),
    ("ipv4_addr", "", "ip daddr", ["127.0.1.1"], ["127.0.1.1"], ["127.0.1.2"]),
    ("ipv6_addr", "flags interval;", "ip6 daddr", ["::/127"], ["::1"], []),
    ("ipv6_addr", "flags interval;", "ip6 daddr", ["::2-::3"], [], ["::1"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "flags", "match", "elements", "inside", "outside"), CASES)
def test_destinations(
    nft: NftCommand, kind: str, flags: str, match: str, elements: list[str], inside: list[str], outside: list[str]
) -> None:
    nft.load(RULES.format(type=kind, flags=flags, match=match))
    info = sets.get_set("inet", "t", "s")
    sets.change_elements([sets.SetChange(info, sets.read_all(info, elements))])
    for address in inside + outside:
        before = hits(nft)
        send(address)
        assert hits(nft) == before + (address in inside), address
