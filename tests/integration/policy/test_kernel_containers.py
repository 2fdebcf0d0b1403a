# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers send, as the kernel holds it, compared with the policy."""

from __future__ import annotations

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
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    BINARIES,
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
    (only,) = own_differences(resolved, held(binary))
    assert (only.kind, only.region.witness()) == (TOO_MUCH, ("0.0.0.0", "udp/5000"))
    assert only.users == ("containers behind br-lan",)
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
    rejected = {
        difference.kind: difference
        for difference in own_differences(resolved, held(binary))
        if difference.region.at(6, 8080)
    }
    assert set(rejected) == {TOO_LITTLE}
    assert set(rejected[TOO_LITTLE].users) == {
        f"packets forwarded from eth0 to {name}" for name in ("docker0", "br-*", "eth0", "other interfaces")
    }
    rejected = {
        difference.kind: difference
        for difference in own_differences(resolved, held(binary))
        if difference.region.at(6, 5432)
    }
    assert rejected[TOO_LITTLE].users == ("packets forwarded from docker0 to br-*",)
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
