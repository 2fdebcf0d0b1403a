# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft lists of a loaded policy, read back into the algebra, with each release of nft."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import socket_levels
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import read_listing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences, own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import (
    TOO_LITTLE,
    TOO_MUCH,
    UNKNOWN,
    Difference,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import LiveRuleset
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, FixedInventory, cases
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    UIDS,
    load,
    nft,
)

RELEASES = pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
CASES = [case for case in cases() if case.resolved().mode != "absent"]
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()


def held(binary: Path, now: float = NOON) -> LiveRuleset:
    """What the ruleset holds, as nft lists it."""
    os.environ["TZ"] = "UTC"
    names = json.loads(nft("-j", "list", "tables", binary=binary))["nftables"]
    tables: list[Table] = []
    for item in names:
        if "table" in item:
            family, name = item["table"]["family"], item["table"]["name"]
            listing = json.loads(nft("-nn", "-j", "list", "table", family, name, binary=binary))
            if socket_levels.missing(listing):
                socket_levels.add(listing, nft("-a", "-y", "list", "table", family, name, binary=binary))
            tables.append(read_listing(listing))
    return LiveRuleset(tables, UIDS, now)


# Every case with one release; with all of them those that have every kind of rule between them.
RICH = [
    case
    for case in CASES
    if str(case) in ("app-observe", "inbound", "prefix-lists", "never", "order", "nat64", "many", "containers")
]
PAIRS = [(case, BINARIES[-1]) for case in CASES] + [(case, binary) for case in RICH for binary in BINARIES[:-1]]
PAIRS += [(case, BINARIES[1]) for case in CASES if case.resolved().units()]


@pytest.mark.parametrize(
    ("case", "binary"), PAIRS, ids=lambda one: one.parent.name if isinstance(one, Path) else str(one)
)
def test_every_golden_table_is_proven_equal_to_its_policy(case: Case, binary: Path, tmp_path: Path) -> None:
    load(case.spec(), tmp_path, binary)
    assert own_differences(case.resolved(), held(binary)) == []


def built(**changes: Any) -> policy.ResolvedPolicy:
    given = {
        "egress_mode": "enforce",
        "egress_tier": "app",
        "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
        "egress_dns_servers": ["10.0.0.53"],
        "egress_allow_app": [
            {"name": "pay", "to": ["203.0.113.0/24"], "services": ["https"], "users": ["payd"]},
            {"name": "all", "to": ["10.1.0.0/16"], "services": ["tcp/8000-8010", "icmp"]},
        ],
        **changes,
    }
    return policy.build(given, FixedInventory(), today=dt.date(2026, 11, 20))


def first(found: list[Difference]) -> list[Difference]:
    """Return the differences about the first packets of connections: what is wrong for them is said of others, too."""
    return [difference for difference in found if not any(" in state " in user for user in difference.users)]


def one(found: list[Difference], what: str) -> Difference:
    (difference,) = (difference for difference in found if difference.kind == what)
    return difference


@RELEASES
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_what_somebody_changed_by_hand_is_named(binary: Path, mode: str, tmp_path: Path) -> None:
    resolved = built(egress_mode=mode)
    load(compile_table(resolved), tmp_path, binary)
    nft("add", "element", "inet", "tidegate", "allow_pay4", "{ 198.51.100.7 }", binary=binary)
    differences = own_differences(resolved, held(binary))
    assert [difference.kind for difference in differences] == [TOO_MUCH]
    assert (differences[0].users, differences[0].region.witness()) == (("payd",), ("198.51.100.7", "tcp/443"))
    nft("delete", "element", "inet", "tidegate", "allow_pay4", "{ 203.0.113.0/24 }", binary=binary)
    differences = own_differences(resolved, held(binary))
    assert {difference.kind for difference in differences} == {TOO_MUCH, TOO_LITTLE}
    assert one(differences, TOO_LITTLE).region.witness() == ("203.0.113.0", "tcp/443")


EVERY_PLACE = ("packets without a socket", "every other user", "every other user in agent.service")


@pytest.mark.parametrize("binary", BINARIES[1:], ids=lambda path: path.parent.name)
@pytest.mark.parametrize(
    ("edit", "kind", "users"),
    [
        (("level 3", "level 5"), TOO_LITTLE, ("every other user in agent.service",)),
        (
            ("socket cgroupv2 level 2 @units_agent.service ", ""),
            TOO_MUCH,
            ("packets without a socket", "every other user"),
        ),
        (("level 2 @units_agent.service", "level 2 @units_other"), UNKNOWN, EVERY_PLACE),
    ],
    ids=["level", "any unit", "another set"],
)
def test_a_match_of_units_that_somebody_changed_is_named(
    binary: Path, edit: tuple[str, str], kind: str, users: tuple[str, ...], tmp_path: Path
) -> None:
    by_unit = {"name": "agent", "to": ["203.0.113.0/24"], "services": ["https"], "units": ["agent.service"]}
    resolved = built(egress_allow_app=[by_unit])
    text = json.dumps(compile_table(resolved))
    assert edit[0] in text
    spec = json.loads(text.replace(*edit))
    spec["sets"].append({"name": "units_other", "typeof": "socket cgroupv2 level 0"})
    load(spec, tmp_path, binary)
    found = [each for each in first(own_differences(resolved, held(binary))) if each.kind == kind]
    assert [(each.users, each.region.witness()) for each in found] == [(users, ("203.0.113.0", "tcp/443"))]


@RELEASES
def test_a_rule_before_all_others(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_output", "udp dport 5000-5009 accept", binary=binary)
    difference = one(own_differences(resolved, held(binary)), TOO_MUCH)
    assert difference.region.witness() == ("0.0.0.0", "udp/5000")
    assert difference.region.at(17, 5010) == policy.Region().at(17, 5010)
    assert set(difference.users) == {"payd", "every other user", "packets without a socket"}


@RELEASES
def test_what_cannot_be_modelled_is_unknown(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_allow", "meta mark 5 tcp dport 22 accept", binary=binary)
    found = one(own_differences(resolved, held(binary)), UNKNOWN)
    assert found.reasons == ("meta mark",)
    assert found.region.witness()[1] == "tcp/22"
    nft("insert", "rule", "inet", "tidegate", "egress_allow", "meta mark 6 tcp dport 8000 drop", binary=binary)
    found = next(difference for difference in own_differences(resolved, held(binary)) if difference.region.at(6, 8000))
    assert found.kind == UNKNOWN
    assert found.region.at(6, 8001) == policy.Region().at(6, 8001)


@RELEASES
def test_what_an_operator_allowed_once_is_no_edit_and_is_said(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft(
        "add",
        "element",
        "inet",
        "tidegate",
        "temporary_allow4",
        "{ 198.51.100.7 . tcp . 25 timeout 1h }",
        binary=binary,
    )
    ruleset = held(binary)
    assert own_differences(resolved, ruleset) == []
    (notice,) = other_differences(resolved, ruleset)
    assert (notice.kind, notice.region.witness()) == (TOO_MUCH, ("198.51.100.7", "tcp/25"))


def test_a_missing_table_and_one_that_should_not_be_there(tmp_path: Path) -> None:
    resolved = built()
    (found,) = own_differences(resolved, LiveRuleset([], UIDS, time.time()))
    assert (found.kind, found.reasons) == (UNKNOWN, ("there is no such table",))
    load(compile_table(resolved), tmp_path)
    absent = replace(built(), mode="absent")
    assert [difference.kind for difference in own_differences(absent, held(BINARIES[0]))] == [TOO_MUCH]


def test_a_user_that_the_host_has_not_reaches_nothing(tmp_path: Path) -> None:
    resolved = built()
    spec = compile_table(resolved)
    for chain in spec["chains"]:
        chain["rules"] = [rule for rule in chain["rules"] if not isinstance(rule, dict)]
    load(spec, tmp_path)
    ruleset = held(BINARIES[-1])
    assert own_differences(resolved, replace(ruleset, users={})) == []
    assert [difference.kind for difference in own_differences(resolved, ruleset)] == [TOO_LITTLE]


OTHERS = """
table ip theirs {
  set bad { type ipv4_addr; flags interval; elements = { 10.1.7.0/24 } }
  chain c {
    type filter hook output priority 10; policy accept;
    ip daddr @bad drop
    tcp dport 8005 limit rate 1/second accept
    tcp dport 8005 drop
  }
}
table ip6 other {
  chain c { type filter hook forward priority 0; policy drop; }
  chain i { type filter hook input priority 0; policy drop; }
}
"""


@RELEASES
def test_other_tables_are_looked_at_one_by_one(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("-f", "-", given=OTHERS, binary=binary)
    ruleset = held(binary)
    assert own_differences(resolved, ruleset) == []
    differences = other_differences(resolved, ruleset)
    (through,) = [difference for difference in differences if difference.table == "ip6 other"]
    assert (through.kind, through.users) == (TOO_LITTLE, ("forwarded packets",))
    assert (through.region.at(6, 443).family(4), "2001:db8::1" in through.region.at(6, 443)) == ((), True)
    differences.remove(through)
    assert {difference.table for difference in differences} == {"ip theirs"}
    refused = one(differences, TOO_LITTLE)
    assert refused.region.at(6, 8000).cidrs() == ["10.1.7.0/24"]
    unknown = one(differences, UNKNOWN)
    assert unknown.reasons == ("the statement limit",)
    assert not unknown.region.at(6, 8000)
    assert "10.1.8.1" in unknown.region.at(6, 8005)


def with_containers(**changes: Any) -> policy.ResolvedPolicy:
    allow = [{"name": "store", "to": ["203.0.113.0/24"], "services": ["https"], "for": ["containers"]}]
    return built(
        **{
            "egress_containers": True,
            "egress_container_interfaces": ["docker0", "br-*"],
            "egress_never": [{"to": "cloud-metadata", "except_users": ["root"]}],
            "egress_allow_app": allow,
            **changes,
        }
    )


@RELEASES
@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_what_containers_send_is_proven_and_what_somebody_changed_is_named(
    binary: Path, mode: str, tmp_path: Path
) -> None:
    resolved = with_containers(egress_mode=mode)
    load(compile_table(resolved), tmp_path, binary)
    assert own_differences(resolved, held(binary)) == []
    rule = 'iifname "br-lan" udp dport 5000 accept'
    nft("insert", "rule", "inet", "tidegate", "egress_forward", rule, binary=binary)
    (found,) = own_differences(resolved, held(binary))
    assert (found.kind, found.region.witness()) == (TOO_MUCH, ("0.0.0.0", "udp/5000"))
    assert found.users == ("containers behind br-lan",)
    nft("add", "element", "inet", "tidegate", "allow_store4", "{ 198.51.100.7 }", binary=binary)
    opened = [difference for difference in own_differences(resolved, held(binary)) if difference.region.at(6, 443)]
    assert {difference.kind for difference in opened} == {TOO_MUCH}
    assert {str(difference.region.at(6, 443).cidrs()) for difference in opened} == {"['198.51.100.7/32']"}
    behind = {f"containers behind {name}" for name in ("docker0", "br-*", "br-lan")}
    assert {user for difference in opened for user in difference.users} == behind
    nft("delete", "element", "inet", "tidegate", "allow_store4", "{ 203.0.113.0/24 }", binary=binary)
    refused = one(own_differences(resolved, held(binary)), TOO_LITTLE)
    assert (set(refused.users), refused.region.witness()) == (behind, ("203.0.113.0", "tcp/443"))


@RELEASES
def test_what_is_no_business_of_the_policy_passes_through_the_host(binary: Path, tmp_path: Path) -> None:
    resolved = with_containers()
    load(compile_table(resolved), tmp_path, binary)
    for rule in (
        'iifname "eth0" tcp dport 8080 drop',
        'iifname "docker0" oifname "br-*" tcp dport 5432 drop',
        'iifname "docker0" meta mark 7 tcp dport 25 accept',
    ):
        nft("insert", "rule", "inet", "tidegate", "egress_forward", rule, binary=binary)
    found = {
        difference.kind: difference
        for difference in own_differences(resolved, held(binary))
        if difference.region.at(6, 8080)
    }
    assert set(found) == {TOO_LITTLE}
    assert set(found[TOO_LITTLE].users) == {
        f"packets forwarded from eth0 to {name}" for name in ("docker0", "br-*", "eth0", "other interfaces")
    }
    found = {
        difference.kind: difference
        for difference in own_differences(resolved, held(binary))
        if difference.region.at(6, 5432)
    }
    assert found[TOO_LITTLE].users == ("packets forwarded from docker0 to br-*",)
    unknown = one(own_differences(resolved, held(binary)), UNKNOWN)
    assert (unknown.reasons, unknown.region.witness()[1]) == (("meta mark",), "tcp/25")
    assert set(unknown.users) == {"containers behind docker0", "containers behind docker0 to eth0"}


@RELEASES
def test_sources_that_nothing_asks_for_are_named(binary: Path, tmp_path: Path) -> None:
    resolved = with_containers()
    load(compile_table(resolved), tmp_path, binary)
    rule = 'iifname "docker0" accept'
    nft("insert", "rule", "inet", "tidegate", "egress_container_sources", rule, binary=binary)
    assert one(own_differences(resolved, held(binary)), UNKNOWN).reasons == ("the rules of egress_container_sources",)


def test_containers_that_should_be_filtered_and_are_not_and_the_other_way_round(tmp_path: Path) -> None:
    resolved, without = with_containers(), with_containers(egress_containers=False)
    load(compile_table(without), tmp_path)
    ruleset = held(BINARIES[-1])
    assert own_differences(without, ruleset) == []
    _sources, difference = first(own_differences(resolved, ruleset))
    assert (difference.kind, difference.users) == (TOO_MUCH, ("containers behind docker0", "containers behind br-*"))
    assert not difference.region.contains(6, 443, "203.0.113.7")
    load(compile_table(resolved), tmp_path)
    difference = one(first(own_differences(without, held(BINARIES[-1]))), TOO_LITTLE)
    assert difference.region.contains(6, 443, "198.51.100.7")
    assert not difference.region.contains(6, 443, "203.0.113.7")


@RELEASES
@pytest.mark.parametrize(
    ("rule", "kind", "users"),
    [
        ("ct state untracked accept", TOO_MUCH, "in state untracked"),
        ("ct state invalid accept", TOO_MUCH, "in state invalid"),
        ("ct state established drop", TOO_LITTLE, "in state established as opened"),
        ("ct state related ct direction reply drop", TOO_LITTLE, "in state related as replies"),
        (
            "ct state established tcp flags & (fin | syn | rst | ack) != ack drop",
            TOO_LITTLE,
            "in state established as opened, TCP with other flags",
        ),
        ("tcp flags & (fin | psh) == psh drop", UNKNOWN, "TCP with ACK alone"),
        ("ct direction original accept", TOO_MUCH, "every other user"),
        ("ct mark 7 accept", UNKNOWN, "every other user"),
        ("ct mark & 0x00001000 != 0x00000000 accept", TOO_MUCH, "accepted by user before"),
        ("th dport 4500 accept", UNKNOWN, "every other user"),
    ],
)
def test_every_state_of_a_packet_counts(binary: Path, rule: str, kind: str, users: str, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_output", rule, binary=binary)
    differences = [difference for difference in own_differences(resolved, held(binary)) if difference.kind == kind]
    assert any(users in user for difference in differences for user in difference.users)


@RELEASES
@pytest.mark.parametrize("setting", ["egress_established", "egress_untracked", "egress_floor_without"])
def test_settings_about_open_connections_are_compared(binary: Path, setting: str, tmp_path: Path) -> None:
    value: Any = {"egress_established": "recheck", "egress_untracked": "accept"}.get(setting, ["older-connections"])
    plain, changed = built(), built(**{setting: value})
    for loaded, other in ((plain, changed), (changed, plain)):
        load(compile_table(loaded), tmp_path, binary)
        ruleset = held(binary)
        assert own_differences(loaded, ruleset) == []
        assert own_differences(other, ruleset)
        nft("delete", "table", "inet", "tidegate", binary=binary)


@RELEASES
def test_ports_of_protocols_without_ports_are_unknown_not_rejected(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_output", "th dport 4500 accept", binary=binary)
    differences = first(own_differences(resolved, held(binary)))
    unknown = one(differences, UNKNOWN)
    assert unknown.reasons == ("ports of a protocol that has none",)
    assert unknown.region.contains(50, 0, "198.51.100.7")
    assert unknown.region.contains(112, 0, "198.51.100.7")
    assert one(differences, TOO_MUCH).region.contains(6, 4500, "198.51.100.7")


@RELEASES
@pytest.mark.parametrize(
    ("hook", "rule"),
    [
        ("postrouting", "ip daddr 10.1.0.1 ip daddr set 198.51.100.7"),
        ("postrouting", "ip daddr 10.1.0.1 drop"),
        ("prerouting", "counter"),
        ("input", "counter"),
    ],
)
def test_a_chain_at_a_hook_where_the_policy_has_none_is_named(
    binary: Path, hook: str, rule: str, tmp_path: Path
) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    chain = f"add chain inet tidegate extra {{ type filter hook {hook} priority 0; }}"
    nft("-f", "-", given=f"{chain}\nadd rule inet tidegate extra {rule}\n", binary=binary)
    (difference,) = own_differences(resolved, held(binary))
    assert (difference.kind, difference.reasons) == (UNKNOWN, (f"the policy has no chain extra at the hook {hook}",))


BEHIND = """
table ip theirs {
  chain c {
    type filter hook postrouting priority 0;
    ip daddr 10.1.7.0/24 drop
    ip daddr 10.1.8.0/24 ip daddr set 10.1.9.9
  }
  chain n {
    type nat hook postrouting priority 100;
    ip saddr 172.17.0.0/16 masquerade
  }
}
"""


@RELEASES
def test_what_other_tables_do_behind_the_hook_output(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("-f", "-", given=BEHIND, binary=binary)
    differences = [
        difference
        for difference in other_differences(resolved, held(binary))
        if "forwarded packets" not in difference.users
    ]
    assert one(differences, TOO_LITTLE).region.at(6, 8000).cidrs() == ["10.1.7.0/24"]
    assert one(differences, UNKNOWN).region.at(6, 8000).cidrs() == ["10.1.8.0/24"]
    assert one(differences, UNKNOWN).reasons == ("the statement mangle",)


DOCKERS = """
table ip filter {
  chain FORWARD {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "docker0" oifname != "docker0" jump DOCKER-USER
    ip saddr 172.17.0.0/16 accept
  }
  chain DOCKER-USER {
    ip daddr 203.0.113.128/25 drop
    return
  }
}
"""


@RELEASES
def test_what_other_tables_do_to_containers(binary: Path, tmp_path: Path) -> None:
    resolved = with_containers()
    load(compile_table(resolved), tmp_path, binary)
    nft("-f", "-", given=DOCKERS, binary=binary)
    ruleset = held(binary)
    assert own_differences(resolved, ruleset) == []
    differences = other_differences(resolved, ruleset)
    assert {difference.table for difference in differences} == {"ip filter"}
    refused = [difference for difference in differences if difference.kind == TOO_LITTLE]
    assert [(difference.users, difference.region.at(6, 443).cidrs()) for difference in refused] == [
        (("containers behind docker0",), ["203.0.113.128/25"])
    ]
    doubts = {user: difference for difference in differences if difference.kind == UNKNOWN for user in difference.users}
    assert set(doubts) == {"containers behind docker0", "containers behind br-*"}
    assert doubts["containers behind docker0"].region.at(6, 443).cidrs() == ["203.0.113.0/25"]
    assert doubts["containers behind br-*"].region.at(6, 443).cidrs() == ["203.0.113.0/24"]
    assert doubts["containers behind docker0"].reasons == ("ip saddr",)


@RELEASES
@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ('oifname "lo" accept', TOO_MUCH),
        ('oifname "lo" tcp dport 25 meta skuid 20001 accept', TOO_MUCH),
        ('oifname "lo" fib daddr type != { local, broadcast, multicast, anycast } accept', TOO_MUCH),
        ('oifname "lo" fib daddr type { local, unicast } accept', UNKNOWN),
        ('oifname "lo" fib saddr type local accept', UNKNOWN),
        ('ip daddr 127.0.0.0/8 oifname "lo" drop', TOO_LITTLE),
    ],
)
def test_what_leaves_by_lo_is_for_the_host_itself(binary: Path, rule: str, kind: str, tmp_path: Path) -> None:
    # A packet whose destination is rewritten in the hook output keeps lo as its interface there.
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_output", rule, binary=binary)
    differences = own_differences(resolved, held(binary))
    assert {difference.kind for difference in differences} == {kind}
    if kind != TOO_LITTLE:
        users = {user for difference in differences for user in difference.users}
        assert "payd redirected from lo" in users
        assert all(" redirected from lo" in user for user in users)


@RELEASES
def test_a_table_without_the_rule_for_loopback_is_not_equal(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    spec = compile_table(resolved)
    (chain,) = (chain for chain in spec["chains"] if chain["name"] == "egress_output")
    chain["rules"] = chain["rules"][1:]
    load(spec, tmp_path, binary)
    differences = first(own_differences(resolved, held(binary)))
    assert one(differences, TOO_LITTLE).region.witness() == ("127.0.0.0", "proto/0")


def test_the_kernel_takes_a_tree_of_any_depth(tmp_path: Path) -> None:
    """Networks in networks: every bit of an address decides, and no chain is too deep for the kernel."""
    nested = [str(ipaddress.IPv6Address("2001:db8::") + (1 << bit)) for bit in range(96)]
    entries = [
        {"name": f"e{bit}", "to": [to], "services": ["https"], "for": ["host", "containers"]}
        for bit, to in enumerate(nested)
    ]
    policy_of_many = built(egress_allow_app=entries, egress_containers=True)
    load(compile_table(policy_of_many, in_a_row=0), tmp_path)
    assert own_differences(policy_of_many, held(BINARIES[-1])) == []
