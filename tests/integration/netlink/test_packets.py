# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets meet what was written: byte orders and edges are the kernel's own, not only the listing's."""

from __future__ import annotations

import os
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


def send(address: str, *, mark: int = 0, uid: int = 0) -> None:
    """One datagram to a loopback address, port 9."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    os.seteuid(uid)  # the kernel remembers with the socket who made it
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
    finally:
        os.seteuid(0)
    with sock:
        if mark:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
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
    ("ipv4_addr . inet_proto . inet_service", "flags interval;", "ip daddr . meta l4proto . th dport",
     ["127.0.1.0/24 . udp . 1-10"], ["127.0.1.0", "127.0.1.255"], ["127.0.2.0"]),
    ("ipv4_addr . inet_service", "", "ip daddr . udp dport", ["127.0.1.1 . 9", "127.0.1.2 . 10"], ["127.0.1.1"],
     ["127.0.1.2"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "flags", "match", "elements", "inside", "outside"), CASES)
def test_destinations(
    nft: NftCommand, kind: str, flags: str, match: str, elements: list[str], inside: list[str], outside: list[str]
) -> None:
    nft.load(RULES.format(type=kind, flags=flags, match=match))
    info = sets.get_set("inet", "t", "s")
    sets.change_elements([sets.Change(info, sets.read_all(info, elements))])
    for address in inside + outside:
        before = hits(nft)
        send(address)
        assert hits(nft) == before + (address in inside), address


@pytest.mark.parametrize(
    ("kind", "flags", "match", "elements"),
    [
        ("mark", "", "meta mark", ["0x102", "0x103"]),
        ("mark", "flags interval;", "meta mark", ["0x102-0x103"]),
        ("mark . ipv4_addr", "", "meta mark . ip daddr", ["0x102 . 127.0.0.1", "0x103 . 127.0.0.1"]),
        ("mark . ipv4_addr", "flags interval;", "meta mark . ip daddr", ["0x102-0x103 . 127.0.0.0/8"]),
    ],
)
def test_marks_in_the_machines_own_byte_order(
    nft: NftCommand, kind: str, flags: str, match: str, elements: list[str]
) -> None:
    nft.load(RULES.format(type=kind, flags=flags, match=match))
    info = sets.get_set("inet", "t", "s")
    sets.change_elements([sets.Change(info, sets.read_all(info, elements))])
    for mark, met in ((0x101, 0), (0x102, 1), (0x103, 1), (0x104, 0), (0x02010000, 0)):
        before = hits(nft)
        send("127.0.0.1", mark=mark)
        assert hits(nft) == before + met, hex(mark)


@pytest.mark.parametrize(("flags", "elements"), [("", ["1002", "1003"]), ("flags interval;", ["1002-1003"])])
def test_users(nft: NftCommand, flags: str, elements: list[str]) -> None:
    nft.load(RULES.format(type="uid", flags=flags, match="meta skuid"))
    info = sets.get_set("inet", "t", "s")
    sets.change_elements([sets.Change(info, sets.read_all(info, elements))])
    for uid, met in ((1001, 0), (1002, 1), (1003, 1), (1004, 0)):
        before = hits(nft)
        send("127.0.0.1", uid=uid)
        assert hits(nft) == before + met, uid
