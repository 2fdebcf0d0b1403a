# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of every compiled table, and what golden files do not show."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases
from ansible_collections.tidegate.nftables.tests.golden.interpret import Packet, run
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

LOOKUP = r"(ip|ip6) daddr [0-9a-f.:/]+ jump egress_allow[_.]\S+"
PRESENT = [case for case in cases() if case.spec().get("state") != "absent"]


def texts(spec: dict[str, Any]) -> list[str]:
    rules = [rule for chain in spec["chains"] for rule in chain["rules"]]
    return [rule["rule"] if isinstance(rule, dict) else rule for rule in rules]


def test_absent_is_nothing_but_a_name() -> None:
    assert compile_table(build(egress_mode="absent")) == {"family": "inet", "name": "tidegate", "state": "absent"}


@pytest.mark.parametrize("case", PRESENT, ids=str)
def test_names_are_unique_and_what_a_rule_names_is_there(case: Case) -> None:
    spec = case.spec()
    written = "\n".join(texts(spec))
    for kind, mention in (
        ("sets", r"@(\S+)"),
        ("counters", r'counter name "(\w+)"'),
        ("chains", r"(?:jump|goto) (\S+)"),
    ):
        names = [item["name"] for item in spec[kind]]
        assert len(names) == len(set(names))
        # Those that no rule names: the hooks, and the end that the mode does not lead to.
        base = {chain["name"] for chain in spec["chains"] if "hook" in chain} if kind == "chains" else set()
        base |= {"egress_observed", "egress_enforced"} & set(names)
        # Who fills the sets of names writes answers of both families, whatever they are bound to.
        base |= {name for name in names if re.fullmatch(r"names_[^.]+[46]", name)}
        assert set(re.findall(mention, written)) | base == set(names)


@pytest.mark.parametrize("case", PRESENT, ids=str)
def test_no_set_is_empty_and_every_allow_rule_names_one(case: Case) -> None:
    spec = case.spec()
    filled = [
        table_set
        for table_set in spec["sets"]
        if "dynamic" not in table_set.get("flags", ())
        and "elements_from" not in table_set
        and not table_set["name"].startswith(("external_", "units_", "temporary_allow", "older_connections"))
    ]
    assert all(table_set["elements"] for table_set in filled)
    for rule in (
        rule for chain in spec["chains"] if re.fullmatch("egress_allow(_.+)?", chain["name"]) for rule in chain["rules"]
    ):
        text = rule["rule"] if isinstance(rule, dict) else rule
        verdict = "(accept|goto egress_allowed)"
        allows = rf"(ip|ip6) daddr @(allow|external|names|floor)_\S+ .*counter {verdict} comment \"[^\"]+\"$"
        assert re.search(allows, text) or re.fullmatch(LOOKUP, text)


@pytest.mark.parametrize("case", PRESENT, ids=str)
def test_no_older_nft_crashes_on_what_a_newer_one_makes_of_it(case: Case) -> None:
    """Sets by `typeof`, no maps: tests/integration/policy/test_readers.py has the real nft."""
    spec = case.spec()
    assert "maps" not in spec
    assert all("typeof" in named_set and "type" not in named_set for named_set in spec["sets"])
    assert not re.search(r"\b[dv]?map\b", "\n".join(texts(spec)))


@pytest.mark.parametrize("case", PRESENT, ids=str)
def test_the_table_can_be_sent_as_json(case: Case) -> None:
    assert json.loads(json.dumps(case.spec())) == case.spec()


@pytest.mark.parametrize("missing", ["skip", "error"])
def test_users_are_left_to_the_host_to_look_up(missing: str) -> None:
    resolved = build(
        egress_missing_users=missing,
        egress_never=[{"to": "cloud-metadata", "except_users": ["telegraf"]}],
        egress_allow_app=[entry(users=["payd", 1003])],
    )
    rules = [rule for chain in compile_table(resolved)["chains"] for rule in chain["rules"] if isinstance(rule, dict)]
    text = 'tcp dport 443 ip daddr @allow_api4 counter accept comment "api"'
    assert rules == [
        {"rule": "counter return", "users": ["telegraf"], "missing_users": missing},
        {"rule": text, "users": ["1003", "payd"], "missing_users": missing},
    ]


def test_observe_and_enforce_differ_in_one_rule() -> None:
    variables: dict[str, Any] = {
        "egress_never": [{"to": "cloud-metadata", "except_users": ["root"]}],
        "egress_deny_quietly": [{"to": "192.0.2.80"}],
        "egress_allow_app": [entry()],
        "egress_containers": True,
        "egress_inbound_allow": [{"name": "site", "from": "any", "services": ["https"]}],
    }
    enforced, observed = (
        json.dumps(compile_table(build(**variables, egress_mode=mode))) for mode in ("enforce", "observe")
    )
    before, after = (f'{{"name": "egress_denied", "rules": ["goto egress_{end}"]}}' for end in ("observed", "enforced"))
    assert observed.count(before) == 1
    assert observed.replace(before, after) == enforced


@pytest.mark.parametrize(
    ("mode", "verdict", "counter"),
    [("enforce", "drop", "denied_inbound"), ("observe", "accept", "would_deny_inbound")],
)
def test_what_comes_in_is_counted_by_itself_and_in_no_ledger(mode: str, verdict: str, counter: str) -> None:
    entries = [{"name": "site", "from": "192.0.2.0/24", "services": ["https"]}]
    spec = compile_table(build(egress_mode=mode, egress_inbound_allow=entries))
    outcome = run(spec, Packet("203.0.113.1", 6, 443, incoming=True), "egress_inbound")
    assert (outcome.verdict, outcome.counters, outcome.written) == (verdict, [counter], [])


@pytest.mark.parametrize("inbound", [[], [{"name": "site", "from": "192.0.2.0/24", "services": ["https"]}]])
def test_what_is_observed_is_told_by_the_far_end(inbound: list[Any]) -> None:
    spec = compile_table(build(egress_observe=["internal"], egress_inbound_allow=inbound))
    for address, end in (("10.9.9.9", "would_deny"), ("192.0.2.1", "denied"), ("fd12:3456:789a::9", "would_deny")):
        assert run(spec, Packet(address, 6, 9)).counters == [end]
        if inbound:
            assert run(spec, Packet(address, 6, 9, incoming=True), "egress_inbound").counters == [f"{end}_inbound"]


def test_observing_in_part_takes_rules_that_stay_when_the_mode_changes() -> None:
    enforced, observed = (
        json.dumps(compile_table(build(egress_observe=["internal"], egress_mode=mode)))
        for mode in ("enforce", "observe")
    )
    assert observed.replace('observed", "goto egress_observed"]', 'observed", "goto egress_enforced"]') == enforced
    assert observed != enforced


def test_a_changed_address_changes_no_rule_and_no_declaration() -> None:
    table, other = (
        compile_table(build(egress_allow_app=[entry(to=to)])) for to in ("203.0.113.0/24", ["192.0.2.1", "10.1.1.1"])
    )
    assert table["chains"] == other["chains"]
    for before, after in zip(table["sets"], other["sets"], strict=True):
        assert {**before, "elements": []} == {**after, "elements": []}


def test_packets_without_a_socket_do_not_slip_past_a_never_with_excepted_users() -> None:
    resolved = build(
        egress_never=[{"to": "10.99.0.0/16", "except_users": ["root"]}], egress_allow_app=[entry(to="internal")]
    )
    spec = compile_table(resolved)
    verdicts = [run(spec, Packet("10.99.0.1", 6, 443, user)).verdict for user in ("root", "www-data", None)]
    assert verdicts == ["accept", "reject", "reject"]
    # Where the host has no such user, the engine leaves the rule out: then nobody is excepted.
    spec = json.loads(json.dumps(spec))
    for chain in spec["chains"]:
        chain["rules"] = [rule for rule in chain["rules"] if not isinstance(rule, dict)]
    assert run(spec, Packet("10.99.0.1", 6, 443, "root")).verdict == "reject"


def test_a_user_excepted_from_one_never_is_not_excepted_from_the_next() -> None:
    resolved = build(
        egress_never=[{"to": "10.99.0.0/16", "except_users": ["payd"]}, {"to": "10.99.9.0/24"}],
        egress_allow_app=[entry(to="internal")],
    )
    spec = compile_table(resolved)
    verdicts = [run(spec, Packet(address, 6, 443, "payd")).verdict for address in ("10.99.0.1", "10.99.9.1")]
    assert verdicts == ["accept", "reject"]


@pytest.mark.parametrize(
    ("packet", "written"),
    [
        (Packet("192.0.2.1", 6, 443, "payd"), "denied4"),
        (Packet("192.0.2.1", 17, 53), "denied_nosocket4"),
        (Packet("192.0.2.1", 132, 80, "payd"), "denied4"),
        (Packet("192.0.2.1", 1, 8, "payd"), "denied_proto4"),
        (Packet("192.0.2.1", 112), "denied_nosocket_proto4"),
        (Packet("2001:db8::1", 6, 443, "payd"), "denied6"),
        (Packet("2001:db8::1", 6, 443), "denied_nosocket6"),
        (Packet("2001:db8::1", 58, 128, "payd"), "denied_proto6"),
        (Packet("2001:db8::1", 50), "denied_nosocket_proto6"),
    ],
)
def test_each_refused_packet_is_written_into_one_ledger(packet: Packet, written: str) -> None:
    outcome = run(compile_table(build()), packet)
    assert (outcome.verdict, outcome.written, outcome.counters) == ("reject", [written], ["denied"])


@pytest.mark.parametrize(
    "packet",
    [Packet("224.0.0.251", 17, 5353, "avahi"), Packet("ff02::1:3", 17, 5355), Packet("239.255.255.250", 17, 1900)],
)
def test_chatter_is_refused_and_counted_by_itself(packet: Packet) -> None:
    outcome = run(compile_table(build()), packet)
    assert (outcome.verdict, outcome.written, outcome.counters) == ("reject", [], ["chatter"])


def test_an_entry_lets_chatter_out() -> None:
    resolved = build(egress_allow_app=[entry(to="multicast", services=["mdns"])])
    assert run(compile_table(resolved), Packet("224.0.0.251", 17, 5353, "avahi")).verdict == "accept"


def test_what_is_refused_quietly_is_counted_and_kept_out_of_the_ledger() -> None:
    resolved = build(egress_deny_quietly=[{"to": "192.0.2.80", "services": ["https"]}])
    spec = compile_table(resolved)
    quiet, loud = (run(spec, Packet("192.0.2.80", 6, port)) for port in (443, 80))
    assert (quiet.verdict, quiet.written, quiet.counters) == ("reject", [], ["quiet"])
    assert loud.counters == ["denied"]


FREE: dict[str, Any] = {
    "egress_tier": "free",
    "egress_tiers": {
        "free": {
            "ceiling": {
                "internal": {"services": "any", "any": True},
                "external": {"services": "any", "widest": {"ipv4": 0, "ipv6": 0}, "most": {"ipv4": 0, "ipv6": 0}},
            }
        }
    },
}
MANY = [
    entry(name=f"e{number:02}", to=[f"203.0.113.{number}", f"2001:db8::{number:x}"], services=[f"tcp/{number % 3 + 1}"])
    for number in range(40)
]


def many(entries: list[Any]) -> dict[str, Any]:
    """The table of a tier that may have anything."""
    return compile_table(build(**FREE, egress_allow_x=entries))


def rules_of(spec: dict[str, Any], chain: str) -> list[Any]:
    (rules,) = (spec_chain["rules"] for spec_chain in spec["chains"] if spec_chain["name"] == chain)
    return list(rules)


def entries_of(spec: dict[str, Any]) -> dict[str, list[Any]]:
    """The chains that hold an entry each."""
    return {
        spec_chain["name"]: spec_chain["rules"]
        for spec_chain in spec["chains"]
        if spec_chain["name"].startswith("egress_allow_")
    }


def test_many_entries_are_found_by_their_address() -> None:
    spec = many([*MANY, entry(name="inside", to="internal")])
    *lookups, fourth, sixth = rules_of(spec, "egress_allow")
    assert len(lookups) > 2
    assert all(re.fullmatch(LOOKUP, rule) for rule in lookups)
    assert [rule.endswith('comment "inside"') for rule in (fourth, sixth)] == [True, True]
    assert len(entries_of(spec)) == 40
    assert len(entries_of(many(MANY[:32]))) == 0
    assert run(spec, Packet("203.0.113.7", 6, 2)).entry == "e07"
    assert run(spec, Packet("203.0.113.7", 6, 3)).verdict == "reject"
    assert run(spec, Packet("10.1.1.1", 6, 443)).entry == "inside"


def test_entries_that_share_an_address_are_met_in_their_order() -> None:
    wide = entry(name="a-all", to="203.0.113.0/24", services=["tcp/1-2"])
    narrow = entry(name="z-user", to="203.0.113.9", users=["payd"], services=["any"])
    spec = many([*MANY, wide, narrow])
    for port, user, expected in ((1, "payd", "z-user"), (1, None, "a-all"), (3, "payd", "z-user")):
        assert run(spec, Packet("203.0.113.9", 6, port, user)).entry == expected
    assert run(spec, Packet("203.0.113.200", 6, 1)).entry == "a-all"


@pytest.mark.parametrize(
    "change", [{"to": "203.0.113.0/25"}, {"to": "192.0.2.1"}, {"services": ["any"]}, {"users": ["payd"]}]
)
def test_what_changes_in_one_entry_moves_no_rule_of_another(change: dict[str, Any]) -> None:
    now, then = entries_of(many(MANY)), entries_of(many([{**MANY[0], **change}, *MANY[1:]]))
    assert now.keys() == then.keys()
    assert {name for name, rules in now.items() if rules != then[name]} <= {"egress_allow_e00"}


def test_what_many_entries_name_goes_through_all_of_them() -> None:
    spec = many([entry(name=f"e{number:02}", to="203.0.113.9", services=[f"tcp/{number + 1}"]) for number in range(40)])
    assert len(rules_of(spec, "egress_allow.203.0.113.9")) == 40
    assert run(spec, Packet("203.0.113.9", 6, 17)).entry == "e16"


def test_an_address_more_changes_only_the_chains_on_its_way() -> None:
    now = many(MANY)
    then = many([{**MANY[0], "to": [*MANY[0]["to"], "8.8.8.8"]}, *MANY[1:]])
    changed = [chain for chain in then["chains"] if chain not in now["chains"]]
    assert [chain["name"] for chain in changed] == ["egress_allow", "egress_allow.203.0.113.0/26"]


def test_a_packet_meets_few_networks_on_its_way() -> None:
    """However many entries there are: each chain decides some bits of the address."""
    for count in (40, 400):
        entries = [
            entry(name=f"e{number:03}", to=f"203.{number % 5}.{number // 5}.{number % 250}", services=["https"])
            for number in range(count)
        ]
        spec = many(entries)
        tree = [chain for chain in spec["chains"] if re.match(r"egress_allow(\.|$)", chain["name"])]
        assert max(len(chain["rules"]) for chain in tree) <= 16
        assert all(run(spec, Packet(each["to"], 6, 443)).entry == each["name"] for each in entries)
