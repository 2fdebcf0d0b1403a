# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft lists of a loaded policy, read back into the algebra, with each release of nft."""

from __future__ import annotations

import ipaddress
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences, own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import (
    TOO_LITTLE,
    TOO_MUCH,
    UNKNOWN,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import LiveRuleset
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
    UIDS,
    load,
    nft,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.live_rulesets import (
    RELEASES,
    built,
    first,
    held,
    one,
)

CASES = [case for case in cases() if case.resolved().mode != "absent"]


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
    differences = [each for each in first(own_differences(resolved, held(binary))) if each.kind == kind]
    assert [(each.users, each.region.witness()) for each in differences] == [(users, ("203.0.113.0", "tcp/443"))]


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
    unknown = one(own_differences(resolved, held(binary)), UNKNOWN)
    assert unknown.reasons == ("meta mark",)
    assert unknown.region.witness()[1] == "tcp/22"
    nft("insert", "rule", "inet", "tidegate", "egress_allow", "meta mark 6 tcp dport 8000 drop", binary=binary)
    unknown = next(
        difference for difference in own_differences(resolved, held(binary)) if difference.region.at(6, 8000)
    )
    assert unknown.kind == UNKNOWN
    assert unknown.region.at(6, 8001) == policy.Region().at(6, 8001)


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
    (missing,) = own_differences(resolved, LiveRuleset([], UIDS, time.time()))
    assert (missing.kind, missing.reasons) == (UNKNOWN, ("there is no such table",))
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
