# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every family, hook, state and expression of nf_tables: what is not modelled is unknown, never equal."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import UNKNOWN
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.matches import Owners, Situation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.packet_kinds import KINDS, STATES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import LiveRuleset
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.walk import ChainWalk
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.verify.listings import (
    ACCEPT,
    DROP,
    HOOK,
    match,
    table,
)

# Family -> its hooks, by the manual of nft (CHAINS, ADDRESS FAMILIES).
IP_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
HOOKS = {
    "ip": IP_HOOKS,
    "ip6": IP_HOOKS,
    "inet": (*IP_HOOKS, "ingress"),
    "arp": ("input", "output"),
    "bridge": IP_HOOKS,
    "netdev": ("ingress", "egress"),
}


@pytest.mark.parametrize(("family", "hook"), [(family, hook) for family, hooks in HOOKS.items() for hook in hooks])
def test_a_chain_at_any_hook_is_named_unless_nothing_leaves_by_it(family: str, hook: str) -> None:
    loaded = LiveRuleset([table([[DROP]], family=family, hook=hook)], {}, 0.0)
    assert bool(other_differences(app(), loaded)) == (hook != "input")


# What a rule can ask or do, by the manual of libnftables-json; those with a model are in test_walk.
EXPRESSIONS: list[Any] = [
    *({"meta": {"key": key}} for key in ("mark", "priority", "length", "protocol", "pkttype", "cpu", "rtclassid")),
    *({"meta": {"key": key}} for key in ("skgid", "cgroup", "random", "secpath", "hour", "day", "ibrname", "sdif")),
    *({"ct": {"key": key}} for key in ("mark", "status", "zone", "helper", "expiration", "label", "id", "count")),
    *({"ct": {"key": key, "dir": "original"}} for key in ("ip daddr", "ip saddr", "proto-dst", "bytes", "packets")),
    *({"payload": {"protocol": "ip", "field": field}} for field in ("saddr", "ttl", "length", "dscp", "frag-off")),
    *({"payload": {"protocol": "ip6", "field": field}} for field in ("saddr", "hoplimit", "flowlabel")),
    {"payload": {"protocol": "tcp", "field": "window"}},
    {"payload": {"protocol": "esp", "field": "spi"}},
    {"payload": {"base": "th", "offset": 16, "len": 16}},
    {"exthdr": {"name": "rt", "field": "type"}},
    {"tcp option": {"name": "maxseg", "field": "size"}},
    {"ip option": {"name": "rr", "field": "ptr"}},
    {"sctp chunk": {"name": "init"}},
    {"socket": {"key": "transparent"}},
    {"rt": {"key": "nexthop"}},
    {"osf": {"key": "name"}},
    {"ipsec": {"key": "reqid", "dir": "out", "spnum": 0}},
    {"fib": {"result": "oif", "flags": ["daddr"]}},
    {"numgen": {"mode": "random", "mod": 2, "offset": 0}},
    {"jhash": {"expr": {"payload": {"protocol": "ip", "field": "daddr"}}, "mod": 2}},
    {"symhash": {"mod": 2}},
    {"invented in a later release": {}},
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_what_an_unknown_expression_decides_is_unknown(expression: Any) -> None:
    for kind in KINDS:
        loaded = table([[match(expression, 1), ACCEPT]], policy="drop")
        walk = ChainWalk(loaded, Situation(Owners(), 40000, 0.0, kind=kind))
        live = walk.base(loaded.chains[HOOK])
        assert (bool(live.must), bool(live.may), bool(walk.reasons)) == (False, True, True)


STATEMENTS: list[Any] = [
    {"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "198.51.100.7"}},
    {"dnat": {"addr": "198.51.100.7"}},
    {"redirect": {"port": 1}},
    {"notrack": None},
    {"dup": {"addr": "198.51.100.7"}},
    {"fwd": {"dev": "eth1"}},
    {"tproxy": {"port": 1}},
    {"queue": {"num": 0}},
    {"synproxy": None},
    {"flow": {"op": "add", "flowtable": "@f"}},
    {"xt": {"type": "target", "name": "MARK"}},
    {"ct helper": "ftp"},
    {"invented in a later release": {}},
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=str)
def test_what_an_unknown_statement_does_is_unknown(statement: Any) -> None:
    loaded = LiveRuleset([table([[statement]])], {}, 0.0)
    differences = other_differences(app(), loaded)
    assert {difference.kind for difference in differences} == {UNKNOWN}


def test_every_state_is_a_kind_of_every_flag() -> None:
    assert {kind.state for kind in KINDS} == set(STATES)
    assert len({str(kind) for kind in KINDS}) == len(KINDS)
    for state in ("new", "untracked", "invalid"):
        assert {kind.flags for kind in KINDS if kind.state == state} == {"syn", "ack", "others"}
