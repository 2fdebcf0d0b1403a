# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a kernel, where no kernel is needed to know it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import findings, others
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.interfaces import ways
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.model import TOO_LITTLE, UNKNOWN, Kernel
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.sentences import (
    INBOUND,
    kernel_of,
    not_compared,
    sentence,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.situations import source_ports, uids
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.verify.listings import (
    ACCEPT,
    DROP,
    Rule,
    listing,
    match,
    meta,
    payload,
    port,
    table,
)

SKUID = meta("skuid")
MAP = {"vmap": {"key": SKUID, "data": {"set": [[1000, ACCEPT]]}}}
PAIR = match({"concat": [payload("tcp", "dport"), SKUID]}, {"set": [{"concat": [22, {"range": [1000, 1001]}]}]})


@pytest.mark.parametrize("rule", [[match(SKUID, 1000), ACCEPT], [MAP], [PAIR, ACCEPT]], ids=["match", "map", "pair"])
def test_a_user_is_told_apart_wherever_a_rule_names_him(rule: Rule) -> None:
    told = uids([table([rule])], [])
    assert (1000, True) in told
    assert (0, False) in told


def test_source_ports_are_told_apart_in_concatenations_too() -> None:
    left = {"concat": [payload("udp", "sport"), payload("udp", "dport")]}
    assert source_ports([table([[match(left, {"set": [{"concat": [500, 500]}]}), ACCEPT]])]) == [0, 68, 500, 546]


def test_every_way_that_somebody_tells_apart_is_looked_at() -> None:
    named: Rule = [match(meta("iifname"), {"set": ["br-lan", "eth*"]}), match(meta("oifname"), "lo", "!="), DROP]
    found = list(ways(table([named]), ["br-*"]))
    assert len(found) == 16
    said = {way.label for way in found if way.filtered}
    assert said == {
        "containers behind br-*",
        "containers behind br-* to eth*",
        "containers behind br-lan",
        "containers behind br-lan to eth*",
    }
    # The example of a class is in no other class.
    (example,) = {way.incoming for way in found if way.label == "containers behind br-*"}
    assert example.startswith("br-")
    assert example != "br-lan"
    # Not even where a name is the beginning alone.
    beginning = ways(table([[match(meta("iifname"), "br-"), DROP]]), ["br-*"])
    assert len({way.incoming for way in beginning}) == 3


@pytest.mark.parametrize("family", ["bridge", "arp", "netdev"])
def test_a_family_whose_packets_are_not_ours_is_unknown(family: str) -> None:
    hook = "egress" if family == "netdev" else "forward"
    (found,) = others(app(), Kernel([table([[DROP]], family=family, hook=hook)], {}, 0.0))
    assert (found.what, found.region) == (UNKNOWN, SPACE)
    assert found.why == (f"a chain of the family {family} at the hook {hook}",)
    assert others(app(), Kernel([table([[DROP]], family=family, hook="input")], {}, 0.0)) == []


def test_a_table_at_the_hook_forward_is_looked_at_where_containers_are_not_filtered_too() -> None:
    behind: Rule = [match(meta("iifname"), "docker0"), port(443), DROP]
    rules: list[Rule] = [[port(25), DROP], behind]
    found = others(app(), Kernel([table(rules, family="ip", name="filter", hook="forward")], {}, 0.0))
    assert [(one.what, one.users, one.region.witness(), one.why) for one in found] == [
        (TOO_LITTLE, ("what is forwarded",), ("0.0.0.0", "tcp/25"), ()),
        (UNKNOWN, ("what is forwarded",), ("0.0.0.0", "tcp/443"), ("the interface docker0",)),
    ]


def test_of_containers_it_is_said_from_where_to_where() -> None:
    behind: Rule = [match(meta("iifname"), "docker0"), match(meta("oifname"), "eth0"), port(443), DROP]
    resolved = app(
        egress_containers=True,
        egress_container_interfaces=["docker0"],
        egress_allow_base=[{"name": "mirror", "to": ["10.1.0.0/16"], "services": ["https"], "for": ["containers"]}],
    )
    kernel = Kernel([table([behind], name="theirs", hook="forward")], {}, 0.0)
    (found,) = others(resolved, kernel)
    assert sentence(found) == (
        "inet theirs refuses what the policy allows, for containers behind docker0 to eth0: 10.1.0.0/16 with tcp/443"
    )


@pytest.mark.parametrize(("flags", "state"), [("dormant", "dormant"), (["dormant", "owner"], "dormant")])
def test_a_dormant_table_is_no_proof(flags: Any, state: str) -> None:
    own = listing([], name="tidegate", flags=flags)
    read = {"tables": [{"family": "inet", "name": "tidegate", "listing": own, "error": ""}], "users": {}, "now": 0}
    (found,) = findings(app(), kernel_of({**read, "legacy": []}))
    assert (found.what, found.why) == (UNKNOWN, (f"it is {state}: the kernel sends it no packet",))


def test_a_dormant_table_of_somebody_else_refuses_nothing() -> None:
    assert others(app(), Kernel([table([[port(443), DROP]], flags="dormant")], {}, 0.0)) == []
    assert others(app(), Kernel([table([[port(443), DROP]], flags="owner")], {}, 0.0)) != []


def test_a_table_of_which_an_old_nft_does_not_say_whether_it_is_dormant() -> None:
    # nft 0.9.8 and 1.0.6 write the family where the flag should be.
    own = listing([], name="tidegate", flags="inet")
    read = {"tables": [{"family": "inet", "name": "tidegate", "listing": own, "error": ""}], "users": {}, "now": 0}
    (found,) = findings(app(), kernel_of({**read, "legacy": ["ip_tables filter"]}))
    assert found.what == UNKNOWN
    assert "nobody knows whether it is dormant" in found.why[0]


def test_what_could_not_be_read_is_unknown() -> None:
    read = {
        "tables": [
            {"family": "ip", "name": "odd", "listing": None, "error": "nft crashed"},
            {"family": "ip", "name": "none", "listing": {"nftables": []}, "error": ""},
        ],
        "users": {},
        "now": 0,
        "legacy": ["ip_tables filter"],
    }
    said = [sentence(one) for one in others(app(), kernel_of(read))]
    assert said[0].startswith("ip_tables filter of iptables-legacy: unknown whether it lets through")
    assert "ip odd: unknown whether it lets through (nft crashed)" in said
    assert any(one.startswith("ip none: unknown") for one in said)


def test_it_is_said_that_what_comes_in_is_not_calculated_with() -> None:
    inbound = app(egress_inbound_allow=[{"name": "web", "from": ["10.0.0.0/8"], "services": ["https"]}])
    assert not_compared(inbound) == [INBOUND]
    assert not_compared(app()) == not_compared(replace(inbound, mode="absent")) == []
