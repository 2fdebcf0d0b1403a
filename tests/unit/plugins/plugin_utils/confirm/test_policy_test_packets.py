# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets a host sends to try its tests, and what else it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import apply_arguments, fail_safe
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.policy_test_packets import LIMIT, packets
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry, errors

MIRROR = {"name": "mirror", "to": ["hosts:mirror"], "services": ["https"]}
FARM = FixedInventory("app1", {"farm": [f"f{n}" for n in range(200)]}, {f"f{n}": [f"10.30.{n}.1"] for n in range(200)})


def sent(*tests: dict[str, Any], **variables: Any) -> list[str]:
    resolved = build(egress_allow_base=[MIRROR], egress_tests_app=list(tests), **variables)
    return [f"{one['expect']} {one['to']} {one['protocol']}/{one['port']}" for one in packets(resolved)]


def test_hosts_and_single_addresses_get_packets_over_both_families() -> None:
    assert sent({"name": "mirror", "reach": "hosts:mirror", "services": ["https"]}) == [
        "reach 10.10.0.30 tcp/443",
        "reach fd12:3456:789a::30 tcp/443",
    ]
    assert sent({"name": "stranger", "not_reach": "198.51.100.7", "services": ["https"]}) == [
        "not_reach 198.51.100.7 tcp/443"
    ]


@pytest.mark.parametrize("word", ["internet", "198.51.100.0/24", "cloud-metadata"])
def test_networks_get_none(word: str) -> None:
    assert sent({"name": "no", "not_reach": word, "services": "any"}) == []


def test_any_service_is_tried_as_a_common_one_and_a_range_by_its_first_port() -> None:
    assert sent({"name": "no", "not_reach": "198.51.100.7", "services": "any"}) == [
        "not_reach 198.51.100.7 tcp/443",
        "not_reach 198.51.100.7 udp/443",
    ]
    assert sent({"name": "no", "not_reach": "198.51.100.7", "services": ["tcp/9000-9100", "icmp"]}) == [
        "not_reach 198.51.100.7 tcp/9000"
    ]


def test_a_refusal_that_is_written_nowhere_is_not_tried() -> None:
    quiet = [{"to": ["198.51.100.7"], "services": ["https"]}]
    tests = ({"name": "no", "not_reach": "198.51.100.7", "services": ["https", "http"]},)
    assert sent(*tests, egress_deny_quietly=quiet) == ["not_reach 198.51.100.7 tcp/80"]


def test_those_of_a_unit_say_which() -> None:
    tests = [
        {"name": "agent", "not_reach": "hosts:mirror", "services": ["http"], "unit": "nginx.service", "user": "root"}
    ]
    assert [(one["to"], one["user"], one["unit"]) for one in packets(build(egress_tests_app=tests))] == [
        ("10.10.0.30", "root", "nginx.service"),
        ("fd12:3456:789a::30", "root", "nginx.service"),
    ]


def test_there_are_never_many_and_every_test_has_its_first() -> None:
    tests = [{"name": f"t{n}", "not_reach": "hosts:farm", "services": [f"tcp/{9000 + n}"]} for n in range(40)]
    sent = packets(build(FARM, egress_tests_app=tests, egress_internal_services=["https"]))
    assert len(sent) == LIMIT
    assert {one["name"] for one in sent} == {f"t{n}" for n in range(40)}
    (single,) = ([one["to"] for one in packets(build(FARM, egress_tests_app=tests[:1]))],)
    assert single == ["10.30.0.1", "10.30.50.1", "10.30.100.1", "10.30.150.1"]


def test_a_user_may_be_missing_where_an_entry_waits_for_him() -> None:
    waiting = entry(to=["203.0.113.7"], users=["payd"])
    known = {"name": "pay", "reach": "203.0.113.7", "services": ["https"], "user": "payd"}
    typo = {"name": "typo", "not_reach": "198.51.100.7", "services": ["https"], "user": "pyad"}
    sent = packets(build(egress_allow_app=[waiting], egress_tests_app=[known, typo]))
    assert [(one["user"], one["missing_user"]) for one in sent] == [("payd", "skip"), ("pyad", "error")]


def test_the_module_gets_what_the_variables_say() -> None:
    resolved = build(
        egress_confirm=False,
        egress_confirm_timeout="90",
        egress_drift="repair",
        egress_root="/run/lab/a/",
        egress_dns_servers=["10.10.0.10"],
    )
    asked = apply_arguments(resolved, "alice@control", "/elsewhere")
    assert (asked["confirm"], asked["timeout"], asked["drift"], asked["root"]) == (False, 90, "repair", "/run/lab/a")
    assert (asked["who"], asked["mode"]) == ("alice@control", "enforce")
    assert apply_arguments(build(), "", "/elsewhere")["root"] == "/elsewhere"


def test_the_fail_safe_table_lets_dns_and_ntp_out_to_the_servers_of_the_policy_alone() -> None:
    def opened(part: str, **changes: Any) -> list[str]:
        return [rule for rule in fail_safe(build(**changes))["floor"] if rule.endswith(f'comment "{part}"')]

    (rule,) = opened("dns", egress_dns_servers=["10.10.0.10"])
    assert "ip daddr 10.10.0.10 accept" in rule
    named, *by_host = opened("dns", egress_dns_servers=["auto", "10.10.0.10"])
    assert named == rule
    assert ["@resolvers4" in by_host[0], "@resolvers6" in by_host[1], len(by_host)] == [True, True, 2]
    assert opened("dns") == opened("ntp") == opened("ntp", egress_ntp_servers=["pool"]) == []
    assert fail_safe(build(egress_mode="observe"))["mode"] == "observe"


def test_the_fail_safe_table_keeps_the_host_reachable_whatever_the_floor_is_without() -> None:
    rules = fail_safe(build(egress_floor_without=["neighbours", "older-connections", "dhcp"]))["floor"]
    comments = [rule.rpartition("comment ")[2].strip('"') for rule in rules]
    assert {"loopback", "replies", "older connections", "neighbours"} <= set(comments)
    assert "dhcp" not in comments


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("egress_confirm", "perhaps", "is neither true nor false"),
        ("egress_confirm_timeout", 4, "is not a number of seconds from 5 to 3600"),
        ("egress_confirm_timeout", "1m", "is not a number of seconds from 5 to 3600"),
        ("egress_confirm_timeout", True, "is not a number of seconds from 5 to 3600"),
        ("egress_drift", "fix", "unknown value"),
        ("egress_root", "lab", "is not an absolute path"),
        ("egress_root", "/lab/../etc", "is not an absolute path"),
    ],
)
def test_values_that_commit_confirm_cannot_have(name: str, value: Any, cause: str) -> None:
    (message,) = errors(**{name: value})
    assert message.startswith(f"{name}: ")
    assert cause in message


def test_absent_removes_below_the_root_and_nowhere_else() -> None:
    resolved = build(egress_mode="absent", egress_root="/run/lab/a", egress_confirm="nonsense")
    assert resolved.root == "/run/lab/a"
    with pytest.raises(policy.PolicyErrors, match="is not an absolute path"):
        build(egress_mode="absent", egress_root="a")
