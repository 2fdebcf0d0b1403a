# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk through a chain as it is listed: what must pass, what may, and why that differs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, number
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.matches import Owners, Situation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.walk import ALL_FLOWS, ChainWalk
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.verify.listings import (
    ACCEPT,
    COUNTER,
    DROP,
    HOOK,
    RETURN,
    Rule,
    jump,
    match,
    meta,
    payload,
    port,
    table,
)

OWNERS = Owners([(0, number(["root"])), (1000, number(["1000"]))])
HERE = Situation(OWNERS, 40000, 1_795_000_000.0)
QUEUE, XT = {"queue": {"num": 0}}, {"xt": {"type": "match", "name": "conntrack"}}
PASSES, REJECTED, UNKNOWN = "passes", "rejected", "unknown"


def walked(loaded: Table, situation: Situation = HERE) -> tuple[Reach, Reach, list[str]]:
    walk = ChainWalk(loaded, situation)
    bounds = walk.base(loaded.chains[HOOK])
    assert bounds.must <= bounds.may
    return bounds.must, bounds.may, list(walk.reasons)


def fate(
    loaded: Table, tcp: int, address: str = "203.0.113.7", situation: Situation = HERE, user: str | None = "1000"
) -> str:
    """What becomes of one flow."""
    must, may = (found.at(user) for found in walked(loaded, situation)[:2])
    if must.contains(6, tcp, address):
        return PASSES
    return UNKNOWN if may.contains(6, tcp, address) else REJECTED


def reasons(loaded: Table) -> list[str]:
    return walked(loaded)[2]


def test_rules_are_met_in_their_order_and_the_policy_of_the_chain_last() -> None:
    loaded = table([[port(22), DROP], [port({"set": [22, {"range": [80, 90]}]}), ACCEPT]], policy="drop")
    assert [fate(loaded, number) for number in (22, 80, 90, 91)] == [REJECTED, PASSES, PASSES, REJECTED]
    assert walked(table([]))[:2] == (ALL_FLOWS, ALL_FLOWS)
    assert reasons(loaded) == []


@pytest.mark.parametrize("verdict", [DROP, {"reject": None}, {"reject": {"type": "tcp reset"}}])
def test_a_rejection_is_one_in_every_form(verdict: dict[str, Any]) -> None:
    loaded = table([[port(25), COUNTER, verdict]])
    assert [fate(loaded, 25), fate(loaded, 26)] == [REJECTED, PASSES]


@pytest.mark.parametrize("policy", ["accept", "drop"])
def test_what_a_program_decides_is_unknown_and_nothing_else(policy: str) -> None:
    loaded = table([[port(25), QUEUE], [port(26), ACCEPT]], policy=policy)
    assert [fate(loaded, 25), fate(loaded, 26)] == [UNKNOWN, PASSES]
    assert reasons(loaded) == ["a program decides (queue)"]


@pytest.mark.parametrize(
    ("statement", "verdict", "policy"),
    [(XT, ACCEPT, "drop"), (XT, DROP, "accept"), ({"flow": {"op": "add", "flowtable": "@f"}}, DROP, "accept")],
)
def test_what_iptables_extends_counts_neither_as_passing_nor_as_rejected(
    statement: dict[str, Any], verdict: dict[str, Any], policy: str
) -> None:
    loaded = table([[port(25), statement, COUNTER, verdict]], policy=policy)
    assert fate(loaded, 25) == UNKNOWN
    assert fate(loaded, 26) == (REJECTED if policy == "drop" else PASSES)
    assert reasons(loaded) == [f"the statement {next(iter(statement))}"]


def test_a_target_of_iptables_may_end_the_rule() -> None:
    target = {"xt": {"type": "target", "name": "REJECT"}}
    assert fate(table([[port(25), target]]), 25) == UNKNOWN
    # What was decided before it stays decided.
    assert fate(table([[port(25), DROP], [port(25), target]]), 25) == REJECTED
    assert fate(table([[port(25), ACCEPT], [target]], policy="drop"), 25) == PASSES


def test_a_limit_decides_some_packets_only() -> None:
    limit = {"limit": {"rate": 1, "per": "second"}}
    loaded = table([[port(25), limit, ACCEPT], [port(25), DROP]])
    assert fate(loaded, 25) == UNKNOWN
    assert reasons(loaded) == ["the statement limit"]
    counted = table([[port(25), limit, COUNTER], [port(25), DROP]])
    assert (fate(counted, 25), reasons(counted)) == (REJECTED, [])


def test_what_is_accepted_either_way_must_pass_and_what_is_rejected_either_way_cannot() -> None:
    mark: Rule = [match(meta("mark"), 7), port(25)]
    assert fate(table([[*mark, ACCEPT]]), 25) == PASSES
    assert fate(table([[*mark, ACCEPT], [port(25), ACCEPT]], policy="drop"), 25) == PASSES
    assert fate(table([[*mark, ACCEPT], [jump("a")]], policy="drop", chains={"a": [[port(25), ACCEPT]]}), 25) == PASSES
    assert fate(table([[*mark, ACCEPT]], policy="drop"), 25) == UNKNOWN
    assert fate(table([[*mark, ACCEPT], [*mark, DROP]]), 25) == UNKNOWN
    assert fate(table([[*mark, DROP], [port(25), DROP]]), 25) == REJECTED


def test_a_jump_comes_back_and_a_goto_does_not() -> None:
    chains: dict[str, list[Rule]] = {"a": [[port(80), ACCEPT], [port(25), RETURN], [port(25), ACCEPT]]}
    after: Rule = [port({"set": [25, 443]}), ACCEPT]
    jumped = table([[jump("a")], after], policy="drop", chains=chains)
    assert [fate(jumped, number) for number in (80, 25, 443, 22)] == [PASSES, PASSES, PASSES, REJECTED]
    gone = table([[jump("a", "goto")], after], policy="drop", chains=chains)
    assert [fate(gone, number) for number in (80, 25, 443)] == [PASSES, REJECTED, REJECTED]
    # Of a base chain, a return is its policy.
    returned = table([[port(25), RETURN], [DROP]], policy="accept")
    assert [fate(returned, 25), fate(returned, 26)] == [PASSES, REJECTED]


def test_a_goto_goes_back_past_the_chain_that_it_was_in() -> None:
    chains: dict[str, list[Rule]] = {"a": [[jump("b", "goto")], [ACCEPT]], "b": [[port(80), DROP]]}
    loaded = table([[jump("a")], [port(443), ACCEPT]], policy="drop", chains=chains)
    assert [fate(loaded, number) for number in (80, 443, 22)] == [REJECTED, PASSES, REJECTED]


def test_a_chain_that_is_not_there_is_unknown() -> None:
    loaded = table([[port(25), jump("gone")]])
    assert [fate(loaded, 25), fate(loaded, 26)] == [UNKNOWN, PASSES]
    assert reasons(loaded) == ["the chain gone"]


@pytest.mark.parametrize("named", [True, False])
def test_a_verdict_map_decides_by_its_keys(named: bool) -> None:
    elements = [[1, ACCEPT], [{"range": [2, 5]}, jump("a")], [6, jump("a", "goto")], [7, DROP]]
    data: Any = "@verdicts" if named else {"set": elements}
    vmap: Rule = [{"vmap": {"key": payload("tcp", "dport"), "data": data}}]
    loaded = table(
        [vmap, [port({"range": [5, 8]}), ACCEPT]],
        policy="drop",
        chains={"a": [[port(3), ACCEPT]]},
        maps={"verdicts": elements},
    )
    fates = [fate(loaded, number) for number in range(1, 10)]
    assert fates == [PASSES, REJECTED, PASSES, REJECTED, PASSES, REJECTED, REJECTED, PASSES, REJECTED]


def test_a_map_that_cannot_be_read_is_unknown() -> None:
    loaded = table([[{"vmap": {"key": {"ct": {"key": "mark"}}, "data": {"set": [[1, DROP]]}}}]])
    assert fate(loaded, 25) == UNKNOWN
    assert reasons(loaded) == ["a map: ct mark"]


@pytest.mark.parametrize("right", ["@bad", {"set": ["203.0.113.7", {"prefix": {"addr": "198.51.100.0", "len": 24}}]}])
def test_sets_take_what_is_in_them(right: Any) -> None:
    # As nft lists elements with a timeout or a comment, beside a network and a range.
    elements = [
        {"elem": {"val": "203.0.113.7", "timeout": 60, "expires": 9}},
        {"elem": {"val": {"prefix": {"addr": "198.51.100.0", "len": 25}}, "comment": "x"}},
        {"range": ["198.51.100.128", "198.51.100.255"]},
    ]
    loaded = table([[match(payload("ip", "daddr"), right), DROP]], sets={"bad": elements})
    rejected = ["203.0.113.7", "198.51.100.0", "198.51.100.255"]
    assert [fate(loaded, 25, address) for address in rejected] == [REJECTED] * 3
    assert [fate(loaded, 25, address) for address in ("203.0.113.8", "198.51.101.0", "2001:db8::1")] == [PASSES] * 3
    turned = table([[match(payload("ip", "daddr"), right, "!="), DROP]], sets={"bad": elements})
    # Of IPv6 a rule about IPv4 says nothing.
    assert [fate(turned, 25, address) for address in ("203.0.113.8", "203.0.113.7", "2001:db8::1")] == [
        REJECTED,
        PASSES,
        PASSES,
    ]


def test_a_set_of_concatenations_takes_the_combinations() -> None:
    left = {"concat": [payload("ip", "daddr"), meta("l4proto"), payload("th", "dport")]}
    elements = [{"concat": ["203.0.113.7", 6, 25]}, {"concat": ["203.0.113.8", 17, {"range": [26, 27]}]}]
    loaded = table([[match(left, "@pairs"), DROP]], sets={"pairs": elements})
    assert fate(loaded, 25) == REJECTED
    assert [fate(loaded, 26), fate(loaded, 25, "203.0.113.8")] == [PASSES, PASSES]
    _must, may, _reasons = walked(loaded)
    assert not may.others.contains(17, 27, "203.0.113.8")


def test_a_set_that_is_not_there_and_a_match_that_nobody_knows_are_unknown() -> None:
    missing = table([[match(payload("ip", "daddr"), "@gone"), DROP]])
    assert (fate(missing, 25), reasons(missing)) == (UNKNOWN, ["the set @gone"])
    strange = table([[match({"fib": {"result": "type", "flags": ["daddr"]}}, 2), DROP]])
    assert (fate(strange, 25), reasons(strange)) == (UNKNOWN, ["fib daddr type"])


@pytest.mark.parametrize("name", ["docker\\*", "*", 7])
def test_an_interface_that_is_no_plain_name_is_unknown(name: Any) -> None:
    # A star that is escaped is a part of the name, one alone is every name.
    forwarded = Situation(Owners(), 40000, 0.0, "eth0", incoming="docker0")
    loaded = table([[match(meta("iifname"), name), port(25), DROP]])
    assert fate(loaded, 25, situation=forwarded) == UNKNOWN
    prefix = table([[match(meta("iifname"), "docker*"), port(25), DROP]])
    assert fate(prefix, 25, situation=forwarded) == REJECTED


def test_owners_of_sockets() -> None:
    loaded = table([[match(meta("skuid"), 1000), DROP], [match(meta("skuid"), 1000, "!="), port(25), DROP]])
    assert [fate(loaded, 26), fate(loaded, 26, user="root")] == [REJECTED, PASSES]
    # Without an owner neither a match nor its opposite is true.
    assert [fate(loaded, 25, user="root"), fate(loaded, 25, user=None)] == [REJECTED, PASSES]


def test_a_table_of_one_family_is_not_asked_about_the_other() -> None:
    loaded = table([[DROP]], family="ip6")
    assert [fate(loaded, 25), fate(loaded, 25, "2001:db8::1")] == [PASSES, REJECTED]


def test_only_the_first_packet_of_a_flow_is_looked_at() -> None:
    state = {"ct": {"key": "state"}}
    replies: Rule = [match(state, {"set": [2, 4]}), ACCEPT]
    new: Rule = [match(state, 8, "in"), port(25), DROP]
    assert [fate(table([replies, new]), number) for number in (25, 26)] == [REJECTED, PASSES]
