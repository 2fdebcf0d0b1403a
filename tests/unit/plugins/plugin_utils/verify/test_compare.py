# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a listing differs from a policy, where no nf_tables is needed to know it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import NotModelled, Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify import forwarded
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences, own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import TOO_LITTLE, TOO_MUCH, UNKNOWN
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.interfaces import interface_pairs
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import (
    LiveRuleset,
    RulesetError,
    live_ruleset,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.sentences import (
    BEYOND,
    INBOUND,
    not_compared,
    sentence,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.situations import MAX_CLASSES, source_ports, uids
from ansible_collections.tidegate.nftables.tests.support.growth import growth
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


def ruleset(*tables: Table) -> LiveRuleset:
    return LiveRuleset(list(tables), {}, 0.0)


def own(*rules: Rule, hook: str = "output", policy: str = "drop") -> Table:
    return table(list(rules), name="tidegate", hook=hook, policy=policy)


@pytest.mark.parametrize("rule", [[match(SKUID, 1000), ACCEPT], [MAP], [PAIR, ACCEPT]], ids=["match", "map", "pair"])
def test_a_user_is_a_class_of_owners_wherever_a_rule_names_him(rule: Rule) -> None:
    classes = uids([table([rule])], [])
    assert (1000, True) in classes
    assert (0, False) in classes


def test_a_host_may_have_any_number_of_users_in_its_policy() -> None:
    users = list(range(1000, 1500))
    classes = uids([table([[match(SKUID, uid), ACCEPT] for uid in users])], users)
    assert classes == [(0, False), *((uid, True) for uid in users)]


def test_the_time_for_classes_of_users_grows_with_their_number() -> None:
    assert growth(lambda count: range(1, 2 * count, 2), lambda users: uids([], users), 1000, limit=8) < 8


def test_source_ports_in_concatenations_are_classes_too() -> None:
    left = {"concat": [payload("udp", "sport"), payload("udp", "dport")]}
    assert source_ports([table([[match(left, {"set": [{"concat": [500, 500]}]}), ACCEPT]])]) == [0, 500]


def test_every_pair_of_interfaces_that_a_rule_or_the_policy_distinguishes_is_calculated() -> None:
    named: Rule = [match(meta("iifname"), {"set": ["br-lan", "eth*"]}), match(meta("oifname"), "lo", "!="), DROP]
    pairs = list(interface_pairs(table([named]), ["br-*"]))
    assert len(pairs) == 16
    assert {pair.label for pair in pairs if pair.filtered} == {
        "containers behind br-*",
        "containers behind br-* to eth*",
        "containers behind br-lan",
        "containers behind br-lan to eth*",
    }
    # The example of a class is in no other class.
    (example,) = {pair.incoming for pair in pairs if pair.label == "containers behind br-*"}
    assert example.startswith("br-")
    assert example != "br-lan"
    # Not even where a name is the beginning alone.
    beginning = interface_pairs(table([[match(meta("iifname"), "br-"), DROP]]), ["br-*"])
    assert len({pair.incoming for pair in beginning}) == 3


def test_a_table_that_distinguishes_too_many_interfaces_is_unknown_and_one_less_is_calculated() -> None:
    # One class more than the names: all other interfaces.
    names = [f"eth{number}" for number in range(MAX_CLASSES)]
    most, too_many = ({"set": names[:count]} for count in (MAX_CLASSES - 1, MAX_CLASSES))
    assert len({pair.incoming for pair in interface_pairs(table([[match(meta("iifname"), most), DROP]]), [])}) == 64
    with pytest.raises(NotModelled, match="65 classes of interfaces, more than 64"):
        list(interface_pairs(table([[match(meta("iifname"), too_many), DROP]]), []))


@pytest.mark.parametrize("family", ["bridge", "arp", "netdev"])
def test_a_family_whose_packets_are_not_ours_is_unknown(family: str) -> None:
    hook = "egress" if family == "netdev" else "forward"
    (difference,) = other_differences(app(), ruleset(table([[DROP]], family=family, hook=hook)))
    assert (difference.kind, difference.region) == (UNKNOWN, SPACE)
    assert difference.reasons == (f"a chain of the family {family} at the hook {hook}",)
    assert other_differences(app(), ruleset(table([[DROP]], family=family, hook="input"))) == []


def test_a_table_at_the_hook_forward_counts_where_containers_are_not_filtered_too() -> None:
    behind: Rule = [match(meta("iifname"), "docker0"), port(443), DROP]
    rules: list[Rule] = [[port(25), DROP], behind]
    differences = other_differences(app(), ruleset(table(rules, family="ip", name="filter", hook="forward")))
    assert [(each.kind, each.users, each.region.witness(), each.reasons) for each in differences] == [
        (TOO_LITTLE, ("forwarded packets",), ("0.0.0.0", "tcp/25"), ()),
        (UNKNOWN, ("forwarded packets",), ("0.0.0.0", "tcp/443"), ("the interface docker0",)),
    ]


CONTAINERS: dict[str, Any] = {
    "egress_containers": True,
    "egress_container_interfaces": ["docker0"],
    "egress_allow_base": [{"name": "mirror", "to": ["10.1.0.0/16"], "services": ["https"], "for": ["containers"]}],
}


def test_a_sentence_about_containers_names_both_interfaces() -> None:
    behind: Rule = [match(meta("iifname"), "docker0"), match(meta("oifname"), "eth0"), port(443), DROP]
    (difference,) = other_differences(app(**CONTAINERS), ruleset(table([behind], name="theirs", hook="forward")))
    assert sentence(difference) == (
        "inet theirs rejects what the policy allows, for containers behind docker0 to eth0: 10.1.0.0/16 with tcp/443"
    )


def test_our_chain_for_forwarded_packets_counts_when_only_the_table_or_only_the_policy_has_containers() -> None:
    at_forward = own([port(25), DROP], hook="forward", policy="accept")
    (rejected,) = forwarded.own_differences(app(), ruleset(at_forward), at_forward)
    assert (rejected.kind, rejected.region.witness()[1]) == (TOO_LITTLE, "tcp/25")
    without = own()
    sources, *opened = forwarded.own_differences(app(**CONTAINERS), ruleset(without), without)
    assert (sources.kind, sources.reasons) == (UNKNOWN, ("the rules of egress_container_sources",))
    assert {difference.kind for difference in opened} == {TOO_MUCH}
    first = [difference for difference in opened if not any(" in state " in user for user in difference.users)]
    assert first
    assert all(difference.region.contains(6, 25, "198.51.100.7") for difference in first)


@pytest.mark.parametrize(
    ("source", "named"), [(68, 68), (500, 500), ({"range": [600, 700]}, 600)], ids=["dhcp", "one", "range"]
)
def test_a_difference_that_holds_from_some_source_ports_only_names_one_of_them(source: Any, named: int) -> None:
    accepting: Rule = [match(payload("udp", "sport"), source), match(payload("udp", "dport"), 5000), ACCEPT]
    differences = own_differences(app(), ruleset(own(accepting)))
    (too_much,) = [difference for difference in differences if difference.kind == TOO_MUCH]
    assert (too_much.source_port, too_much.region.witness()[1]) == (named, "udp/5000")
    assert f"from source port {named}: " in sentence(too_much)


def test_a_difference_that_holds_from_every_source_port_is_reported_once_and_names_none() -> None:
    accepting: list[Rule] = [
        [match(payload("udp", "dport"), 5000), ACCEPT],
        [match(payload("udp", "sport"), 68), match(payload("udp", "dport"), 5000), ACCEPT],
    ]
    differences = own_differences(app(), ruleset(own(*accepting)))
    (too_much,) = [difference for difference in differences if difference.kind == TOO_MUCH]
    assert too_much.source_port is None
    assert "source port" not in sentence(too_much)


def result(*tables: dict[str, Any], legacy: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"tables": list(tables), "users": {}, "now": 0, "legacy": list(legacy), "beside": []}


def of_module(listing_: Any, *, name: str = "tidegate", error: str = "") -> dict[str, Any]:
    return {"family": "inet", "name": name, "listing": listing_, "error": error}


@pytest.mark.parametrize("flags", ["dormant", ["dormant", "owner"]])
def test_a_dormant_table_is_no_proof(flags: Any) -> None:
    read = live_ruleset(result(of_module(listing([], name="tidegate", flags=flags))))
    (difference,) = own_differences(app(), read)
    assert (difference.kind, difference.reasons) == (UNKNOWN, ("it is dormant: nf_tables sends it no packets",))


def test_a_dormant_table_of_somebody_else_rejects_nothing() -> None:
    assert other_differences(app(), ruleset(table([[port(443), DROP]], flags="dormant"))) == []
    assert other_differences(app(), ruleset(table([[port(443), DROP]], flags="owner"))) != []


def test_a_table_that_an_old_nft_may_list_as_dormant_or_not_is_unknown() -> None:
    # nft 0.9.8 and 1.0.6 write the family where the flag should be.
    read = live_ruleset(result(of_module(listing([], name="tidegate", flags="inet")), legacy=("ip_tables filter",)))
    (difference,) = own_differences(app(), read)
    assert difference.kind == UNKNOWN
    assert "its flags are inet, so it may be dormant or not" in difference.reasons[0]


def test_what_cannot_be_read_is_unknown() -> None:
    tables = (
        of_module(None, name="odd", error="nft crashed"),
        of_module({"nftables": []}, name="none"),
        of_module(7, name="7"),
    )
    read = live_ruleset(result(*tables, legacy=("ip_tables filter",)))
    unknown = "cannot be modelled in full: unknown whether packets pass"
    assert [sentence(difference) for difference in other_differences(app(), read)] == [
        f"ip_tables filter of iptables-legacy {unknown} (nft does not list it)",
        f"inet odd {unknown} (nft crashed)",
        f"inet none {unknown} (its listing cannot be read: it holds 0 tables instead of one)",
        f"inet 7 {unknown} (its listing cannot be read: it is not the JSON of nft)",
    ]


@pytest.mark.parametrize("strange", [{"tables": 5}, {"users": ["root"]}, {"now": "noon"}, {"tables": ["inet t"]}])
def test_an_answer_of_another_shape_is_an_error(strange: dict[str, Any]) -> None:
    with pytest.raises(RulesetError, match="The host returned no listing of its tables"):
        live_ruleset({**result(), **strange})


def test_a_sentence_names_the_chain_of_inbound_packets_that_is_not_compared() -> None:
    inbound = app(egress_inbound_allow=[{"name": "web", "from": ["10.0.0.0/8"], "services": ["https"]}])
    assert not_compared(inbound) == [INBOUND, BEYOND]
    assert not_compared(app()) == [BEYOND]
    assert not_compared(replace(inbound, mode="absent")) == []
