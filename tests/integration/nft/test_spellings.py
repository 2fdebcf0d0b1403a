# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a rule, an element or a declaration is spelled, the second run has nothing to do."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Lab

# (a spelling, another spelling of the same rule, oldest nft that knows both)
RULES: list[tuple[str, str, tuple[int, ...]]] = [
    ("tcp dport {443, 80} accept", "tcp dport { http,https } accept", (0, 9, 8)),
    ("tcp dport https", "tcp dport 443", (0, 9, 8)),
    ("tcp dport ssh accept", "tcp   dport 0x16   accept", (0, 9, 8)),
    ("ip daddr 10.1.2.3/8 drop", "ip daddr 10.0.0.0/8 drop", (0, 9, 8)),
    ("ip daddr 192.0.2.16-192.0.2.31 drop", "ip daddr 192.0.2.16 - 192.0.2.31 drop", (0, 9, 8)),
    ("ip daddr { 192.0.2.16-192.0.2.31, 10.1.1.1 } drop", "ip daddr { 10.1.1.1, 192.0.2.16/28 } drop", (0, 9, 8)),
    ("ip daddr 192.0.2.1/32 drop", "ip daddr 192.0.2.1 drop", (0, 9, 8)),
    ("ip saddr != { 10.0.0.2, 10.0.0.1 } drop", "ip saddr != {10.0.0.1,10.0.0.2} drop", (0, 9, 8)),
    ("ip saddr { 10.0.0.0/25, 10.0.0.128/25 } drop", "ip saddr { 10.0.0.128/25, 10.0.0.0/25 } drop", (0, 9, 8)),
    ("ip6 daddr 2001:DB8:0:0::1 accept", "ip6 daddr 2001:db8::1 accept", (0, 9, 8)),
    ("ip6 saddr FE80::/10 accept", "ip6 saddr fe80::/10 accept", (0, 9, 8)),
    ("ct state related,established accept", "ct state established,related accept", (0, 9, 8)),
    ("ct state {new, established} accept", "ct state { established,new } accept", (0, 9, 8)),
    ("ct state != invalid counter", "ct state != invalid counter packets 0 bytes 0", (0, 9, 8)),
    ("counter", "counter packets 7 bytes 700", (0, 9, 8)),
    ("reject", "reject with icmpx type port-unreachable", (0, 9, 8)),
    ("tcp dport 1 reject with tcp reset", "meta l4proto tcp tcp dport 1 reject with tcp reset", (0, 9, 8)),
    ("ip protocol icmp icmp type 8 accept", "ip protocol icmp icmp type echo-request accept", (0, 9, 8)),
    ("icmpv6 type { 133, 134, nd-neighbor-advert } accept", "icmpv6 type {134,133,136} accept", (0, 9, 8)),
    ("meta l4proto 6 accept", "meta l4proto tcp accept", (0, 9, 8)),
    ("meta skuid root accept", "meta skuid 0 accept", (0, 9, 8)),
    ("skuid 1000-2000 accept", "meta skuid 1000-2000 accept", (0, 9, 8)),
    ("skgid root accept", "meta skgid 0 accept", (0, 9, 8)),
    ("oifname lo accept", 'oifname "lo" accept', (0, 9, 8)),
    ('oif lo accept comment "index"', 'meta oif "lo" accept comment "index"', (0, 9, 8)),
    ('iifname "wg*" drop', "meta iifname wg* drop", (0, 9, 8)),
    ("mark 0x10 accept", "meta mark 16 accept", (0, 9, 8)),
    ("meta mark set 1", "meta mark set 0x00000001", (0, 9, 8)),
    ("ct mark and 0xff == 0x10 accept", "ct mark & 0x000000ff == 16 accept", (0, 9, 8)),
    ("limit rate 10/second accept", "limit rate 10/second burst 5 packets accept", (0, 9, 8)),
    ("limit rate over 1 mbytes/second drop", "limit rate over 1024 kbytes/second drop", (0, 9, 8)),
    ("quota over 1024 kbytes drop", "quota over 1 mbytes drop", (0, 9, 8)),
    ("tcp flags & (fin|syn|rst|ack) != syn accept", "tcp flags & ( ack | rst | syn | fin ) != syn accept", (0, 9, 8)),
    ("tcp flags syn counter", "tcp flags   syn   counter", (0, 9, 8)),
    ("th dport 53 accept", "th dport domain accept", (0, 9, 8)),
    ("udp dport 67-68 accept", "udp dport 0x43-0x44 accept", (0, 9, 8)),
    ("udp sport . udp dport { 67 . 68, 68 . 67 } accept", "udp sport . udp dport {68 . 67,67 . 68} accept", (0, 9, 8)),
    ("ip daddr . tcp dport { 10.0.0.1 . https } drop", "ip daddr . tcp dport {10.0.0.1 . 443} drop", (0, 9, 8)),
    ("tcp dport vmap { 22 : accept, 23 : drop }", "tcp dport vmap {telnet : drop, ssh : accept}", (0, 9, 8)),
    ("meta pkttype broadcast drop", "pkttype broadcast drop", (0, 9, 8)),
    ('log prefix "in: " level warn', 'log prefix "in: "', (0, 9, 8)),
    ("log group 2 snaplen 64", "log snaplen 64 group 2", (0, 9, 8)),
    ("meta length > 1000 counter", "meta length > 0x3e8 counter", (0, 9, 8)),
    ("ip ttl < 5 drop", "ip ttl lt 5 drop", (0, 9, 8)),
    ("ip dscp cs1 counter", "ip dscp 0x08 counter", (0, 9, 8)),
    ("fib daddr type local accept", "fib daddr type   local accept", (0, 9, 8)),
    ("meta nfproto ipv4 udp dport 1 accept", "meta nfproto 2 udp dport 1 accept", (0, 9, 8)),
    ("ct direction original accept", "ct direction 0 accept", (0, 9, 8)),
    ("ct count over 20 reject", "ct count over 20 reject", (0, 9, 8)),
    ("jump other", "jump   other", (0, 9, 8)),
    ('accept comment "a; { # , b"', 'accept  comment  "a; { # , b"', (0, 9, 8)),
    ("accept comment plain", 'accept comment "plain"', (0, 9, 8)),
    ('accept comment "grün – ok"', 'accept comment "grün – ok"', (0, 9, 8)),
    ("ip daddr @addresses tcp dport 1-1023 accept", "ip daddr @addresses tcp dport 1-1023 accept", (0, 9, 8)),
    ("add @seen { ip saddr timeout 60s }", "add @seen { ip saddr timeout 1m }", (0, 9, 8)),
    ("set update ip saddr timeout 1h @seen", "update @seen { ip saddr timeout 60m }", (0, 9, 8)),
    ("counter name hits accept", 'counter name "hits" accept', (0, 9, 8)),
    ("tcp dport 22 jump { counter accept; drop; }", "tcp dport ssh jump { counter accept ; drop ; }", (0, 9, 8)),
    ("reject with icmpx admin-prohibited", "reject with icmpx type admin-prohibited", (1, 0, 6)),
    ("tcp flags syn / fin,syn,rst,ack accept", "tcp flags & (fin | syn | rst | ack) == syn accept", (1, 0, 6)),
    ('iifname { "lo", "wg*" } accept', 'iifname { "wg*", "lo" } accept', (1, 0, 6)),
    ("last", "last", (1, 1, 3)),
]

TABLE: dict[str, Any] = {
    "name": "t",
    "counters": [{"name": "hits"}],
    "sets": [
        {"name": "addresses", "type": "ipv4_addr", "flags": ["interval"]},
        {"name": "seen", "type": "ipv4_addr", "flags": ["dynamic", "timeout"], "size": 1000},
    ],
    "chains": [{"name": "other"}],
}


def with_rules(rules: list[str]) -> dict[str, Any]:
    chain = {"name": "tried", "type": "filter", "hook": "input", "priority": "filter", "rules": rules}
    return {**TABLE, "chains": [*TABLE["chains"], chain]}


def test_rules(lab: Lab) -> None:
    known = [(spelling, other_spelling) for spelling, other_spelling, oldest in RULES if oldest <= lab.version]
    assert len(known) > 55
    assert lab.run(with_rules([spelling for spelling, _other in known])).changed
    lab.settled(with_rules([spelling for spelling, _other in known]))
    respelled = lab.run(with_rules([other_spelling for _one, other_spelling in known]))
    assert not respelled.changed, respelled.transaction


# (declaration, elements, other spelling of the elements, oldest nft)
ELEMENTS: list[tuple[dict[str, Any], list[Any], list[Any], tuple[int, ...]]] = [
    (
        {"type": "ipv4_addr", "flags": ["interval"]},
        ["10.1.2.3/8", "192.0.2.16-192.0.2.31", "198.51.100.7/32"],
        ["198.51.100.7", "192.0.2.16/28", "10.0.0.0/8"],
        (0, 9, 8),
    ),
    ({"type": "ipv6_addr"}, ["2001:DB8:0::1", "FE80::1"], ["fe80:0::1", "2001:db8::1"], (0, 9, 8)),
    ({"type": "inet_service"}, ["https", "22"], ["ssh", "443"], (0, 9, 8)),
    ({"type": "inet_service", "flags": ["interval"]}, ["1024-65535", "80"], ["http", "1024-0xffff"], (0, 9, 8)),
    ({"type": "inet_proto"}, ["tcp", "17"], ["udp", "6"], (0, 9, 8)),
    ({"type": "icmp_type"}, ["8", "echo-reply"], ["echo-request", "0"], (0, 9, 8)),
    ({"type": "mark"}, ["1", "0x10"], ["16", "0x00000001"], (0, 9, 8)),
    ({"type": "ether_addr"}, ["AA:BB:CC:00:11:22"], ["aa:bb:cc:00:11:22"], (0, 9, 8)),
    ({"type": "ifname"}, ["eth0", '"wg0"'], ["wg0", "eth0"], (0, 9, 8)),
    ({"type": "ipv4_addr . inet_service"}, ["10.0.0.1 . https"], ["10.0.0.1 . 443"], (0, 9, 8)),
    (
        {"type": "ipv4_addr . inet_proto . inet_service", "flags": ["interval"]},
        ["10.1.2.3/8 . tcp . 443", "192.0.2.0-192.0.2.255 . udp . 1-100"],
        ["192.0.2.0/24 . 17 . 1-100", "10.0.0.0/8 . 6 . https"],
        (0, 9, 8),
    ),
    (
        {"typeof": "ip daddr . meta l4proto . th dport . meta skuid"},
        ["10.0.0.1 . tcp . 443 . root"],
        ["10.0.0.1 . 6 . https . 0"],
        (0, 9, 8),
    ),
    (
        {"type": "ipv4_addr", "flags": ["interval"], "auto_merge": True},
        ["10.0.0.0/25", "10.0.0.128/25", "10.0.0.4", "192.0.2.1-192.0.2.5", "192.0.2.6"],
        ["10.0.0.0/24", "192.0.2.1-192.0.2.6"],
        (0, 9, 8),
    ),
    (
        {"type": "ipv4_addr", "flags": ["timeout"], "timeout": "86400s"},
        ["10.0.0.1", {"value": "10.0.0.2", "timeout": 3600, "comment": "an hour"}],
        ['10.0.0.2 timeout 1h comment "an hour"', "10.0.0.1"],
        (0, 9, 8),
    ),
    ({"type": "uid"}, ["root", "1000"], ["1000", "0"], (0, 9, 8)),
    ({"type": "ct_state"}, ["new"], ["new"], (0, 9, 8)),
    ({"type": "ipv4_addr", "flags": ["interval"]}, ["0.0.0.0/0"], ["0.0.0.0-255.255.255.255"], (0, 9, 8)),
    ({"type": "ipv4_addr", "counter": True}, ["10.0.0.1"], ["10.0.0.1"], (0, 9, 8)),
]


@pytest.mark.parametrize("number", range(len(ELEMENTS)))
def test_elements(lab: Lab, number: int) -> None:
    declared, spelling, other_spelling, oldest = ELEMENTS[number]
    assert oldest <= lab.version
    assert lab.predicted({"name": "t", "sets": [{"name": "s", **declared, "elements": spelling}]}).changed
    respelled = lab.run({"name": "t", "sets": [{"name": "s", **declared, "elements": other_spelling}]})
    assert not respelled.changed, respelled.transaction
    # What is there is what was asked for, and taking it out again leaves nothing.
    assert lab.table().sets[0].elements
    lab.predicted({"name": "t", "sets": [{"name": "s", **declared, "elements": [], "purge": True}]})
    assert lab.table().sets[0].elements == ()


MAPS: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"type": "inet_service : verdict"}, ["443 : jump other", "22 : accept"], ["ssh : accept", "https : jump other"]),
    ({"type": "ipv4_addr : inet_service"}, [{"value": "10.0.0.1", "data": "http"}], ["10.0.0.1 : 80"]),
    ({"type": "ipv4_addr : counter"}, ["10.0.0.1 : hits"], ['10.0.0.1 : "hits"']),
    ({"typeof": "ip daddr : ip saddr"}, ["10.0.0.1 : 10.0.0.2"], ["10.0.0.1 : 10.0.0.2"]),
    ({"type": "ipv4_addr : verdict", "flags": ["interval"]}, ["10.1.1.1/8 : drop"], ["10.0.0.0/8 : drop"]),
    (
        {"type": "ipv4_addr . inet_service : ipv4_addr . inet_service"},
        ["10.0.0.1 . http : 10.0.0.2 . 8080"],
        ["10.0.0.1 . 80 : 10.0.0.2 . 8080"],
    ),
    (
        {"type": "ipv4_addr : mark"},
        [{"value": "10.0.0.1", "data": "1", "comment": "one"}, "10.0.0.2 : 2"],
        ["10.0.0.2 : 0x2", '10.0.0.1 comment "one" : 0x00000001'],
    ),
]


@pytest.mark.parametrize("number", range(len(MAPS)))
def test_maps(lab: Lab, number: int) -> None:
    declared, spelling, other_spelling = MAPS[number]
    table = {"name": "t", "counters": [{"name": "hits"}], "chains": [{"name": "other", "rules": []}]}
    assert lab.predicted({**table, "maps": [{"name": "m", **declared, "elements": spelling}]}).changed
    respelled = lab.run({**table, "maps": [{"name": "m", **declared, "elements": other_spelling}]})
    assert not respelled.changed, respelled.transaction
    assert lab.table().sets[0].elements


DECLARATIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"priority": "filter"}, {"priority": 0}),
    ({"priority": "raw + 10"}, {"priority": "-290"}),
    ({"priority": "filter-10"}, {"priority": "filter - 10"}),
    ({"priority": "filter", "policy": "accept"}, {"priority": "filter"}),
]


@pytest.mark.parametrize("number", range(len(DECLARATIONS)))
def test_chains(lab: Lab, number: int) -> None:
    spelling, other_spelling = DECLARATIONS[number]
    common = {"name": "c", "type": "filter", "hook": "output"}
    assert lab.predicted({"name": "t", "chains": [{**common, **spelling}]}).changed
    assert not lab.run({"name": "t", "chains": [{**common, **other_spelling}]}).changed


def test_times_sizes_and_words_of_objects(lab: Lab) -> None:
    def table(timeout: Any, gc: Any, quota: str, limit: str) -> dict[str, Any]:
        named = {
            "name": "s",
            "type": "ipv4_addr",
            "flags": ["timeout", "dynamic"],
            "timeout": timeout,
            "gc_interval": gc,
        }
        return {
            "name": "t",
            "sets": [named],
            "quotas": [{"name": "q", "quota": quota}],
            "limits": [{"name": "l", "limit": limit}],
        }

    assert lab.predicted(table("24h", "60m", "over 1024 kbytes", "rate 60/minute")).changed
    assert not lab.run(table("1d", 3600, "over 1 mbytes", "rate 60/minute burst 5 packets")).changed
