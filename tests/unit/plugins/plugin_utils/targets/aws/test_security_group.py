# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: held against the policy by an evaluator of their own; quotas, references, stable addresses."""

from __future__ import annotations

import json
from typing import Any

import hcl2
import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import secgroup

SETTINGS: dict[str, Any] = {"vpc_id": "vpc-0a1b2c3d"}


def made(target: str = "aws", given: Any = None, word: str = "", **changes: Any) -> render_units.RenderedUnit:
    """The unit of a policy without errors."""
    variables: dict[str, Any] = {"egress_aws": {**SETTINGS, **(given or {})}}
    if word:
        variables["egress_approximate"] = {target: word}
    (built,) = render_units.render_units(
        [host_contribution.contribution(build(**changes), registry.target(target), variables, NOTHING)]
    )
    return built


def rules_of(**changes: Any) -> list[tuple[str, tuple[int, int] | None, str]]:
    return [(rule.protocol, rule.ports, rule.to) for rule in secgroup.of_module(made(**changes).data)]


def errors_of(**changes: Any) -> list[str]:
    with pytest.raises(policy.PolicyErrors) as raised:
        made(**changes)
    return [str(error) for error in raised.value.errors]


def test_an_empty_policy_closes_everything() -> None:
    assert made().data["rules_egress"] == []
    assert set(made("terraform").data["resource"]) == {"aws_security_group"}


def test_an_entry_is_a_rule_for_each_network_and_range() -> None:
    written = entry(to=["203.0.113.0/24", "2001:db8::/48"], services=["https", "udp/9600-9610", "icmp", "proto/112"])
    assert rules_of(egress_allow_app=[written]) == [
        ("1", None, "203.0.113.0/24"),
        ("6", (443, 443), "203.0.113.0/24"),
        ("6", (443, 443), "2001:db8::/48"),
        ("17", (9600, 9610), "203.0.113.0/24"),
        ("17", (9600, 9610), "2001:db8::/48"),
        ("58", None, "2001:db8::/48"),
        ("112", None, "203.0.113.0/24"),
        ("112", None, "2001:db8::/48"),
    ]


def test_the_same_network_of_two_entries_is_one_rule_of_both() -> None:
    reason = 'it is ${why} "so"'
    two = [entry(), entry(name="other", to=["203.0.113.0/24", "198.51.100.0/24"], reason=reason, owner="pay")]
    rules = secgroup.of_module(made(egress_allow_app=two).data)
    assert [(rule.to, rule.description) for rule in rules] == [
        ("203.0.113.0/24", "api, other"),
        ("198.51.100.0/24", "other: it is __why_ _so_ (pay)"),
    ]


def test_references_go_by_id() -> None:
    references = {"hosts:database": "sg-0123456789abcdef0", "prefix_list:s3": {"id": "pl-6da54004", "weight": 5}}
    written = entry(to=["hosts:database", "203.0.113.7"], services=["postgresql"])
    rules = rules_of(given={"references": references}, egress_allow_app=[written])
    assert rules == [("6", (5432, 5432), "203.0.113.7/32"), ("6", (5432, 5432), "sg-0123456789abcdef0")]


SCATTERED = [f"198.51.100.{2 * number}" for number in range(40)]


def test_networks_of_entries_are_joined_before_there_are_too_many() -> None:
    halves = [entry(name="even", to=SCATTERED), entry(name="odd", to=[f"198.51.100.{2 * n + 1}" for n in range(40)])]
    rules = rules_of(egress_allow_app=halves)
    assert [to for _protocol, _ports, to in rules] == ["198.51.100.0/26", "198.51.100.64/28"]


def test_too_many_rules_are_refused_with_their_entries() -> None:
    many = [entry(to=SCATTERED), entry(name="small", to=["203.0.113.7"])]
    (error,) = errors_of(given={"rules": 20}, egress_allow_app=many)
    assert error.startswith(
        "unit app, egress_aws.rules: needs 41 IPv4 and 0 IPv6 rules, the quota is 20; most are for api (40), small"
    )


def test_a_reference_counts_with_its_weight() -> None:
    references = {"hosts:database": {"id": "pl-6da54004", "weight": 55}}
    many = [entry(to=SCATTERED[:10]), entry(name="db", to=["hosts:database"], services=["postgresql"])]
    (error,) = errors_of(given={"references": references}, egress_allow_app=many)
    assert "needs 65 IPv4 and 55 IPv6 rules" in error


def test_wider_entries_are_joined_as_little_as_needed_and_the_difference_is_exact() -> None:
    unit = made(given={"rules": 39}, egress_allow_app=[entry(to=SCATTERED, approximate="wider")])
    assert len(unit.data["rules_egress"]) == 39
    (difference,) = unit.differences
    reason = "its networks are joined to keep the quota of rules"
    assert difference.startswith(f"api is wider than the policy, because {reason}: ")
    assert difference.endswith(": it opens 198.51.100.1, 198.51.100.3 with tcp/443")


def test_what_is_never_open_is_not_opened_for_the_quota() -> None:
    written = [entry(to=SCATTERED, approximate="wider")]
    closed = [{"to": [f"198.51.100.{4 * number + 1}" for number in range(20)]}]
    (error,) = errors_of(given={"rules": 39}, egress_allow_app=written, egress_never=closed)
    assert "needs 40 IPv4 and 0 IPv6 rules, the quota is 39" in error
    assert made(given={"rules": 39}, egress_allow_app=written, egress_never=closed[:0]).differences


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"vpc_id": ...}, "egress_aws: vpc_id is missing"),
        ({"rules": 0}, 'egress_aws.rules: "0" is not a number from 1 to 1000'),
        ({"references": {"hosts:x": "database"}}, 'egress_aws.references.hosts:x: "database" is not an id'),
        ({"name": "sg-x"}, 'egress_aws.name: "sg-x" is not the name of a security group'),
        ({"vpc": "x"}, 'egress_aws: unknown key "vpc"'),
    ],
)
def test_wrong_settings_are_errors(given: dict[str, Any], message: str) -> None:
    settings = {key: value for key, value in {**SETTINGS, **given}.items() if value is not ...}
    with pytest.raises(policy.PolicyErrors) as raised:
        host_contribution.contribution(build(), registry.target("aws"), {"egress_aws": settings}, NOTHING)
    assert message in str(raised.value)


def resources(**changes: Any) -> dict[str, Any]:
    unit = made("terraform", **changes)
    assert unit.text is not None
    # HCL's JSON syntax is JSON whose texts are templates (HCL specification); an object of HCL reads both alike.
    read = hcl2.loads(f"found = {unit.text}")
    assert read
    data = json.loads(unit.text)["resource"]
    found: dict[str, Any] = data.get("aws_vpc_security_group_egress_rule", {})
    assert all(rule["security_group_id"] == "${aws_security_group.tidegate_app.id}" for rule in found.values())
    return found


def test_an_edit_of_one_entry_is_one_change() -> None:
    first = entry(to=["203.0.113.7", "2001:db8::/48"], reason="cards")
    second = entry(name="other", to=["198.51.100.7"])
    before = resources(egress_allow_app=[first, second])
    assert set(before) == {
        "tidegate_app_tcp_443_203_0_113_7_32",
        "tidegate_app_tcp_443_2001_db8___48",
        "tidegate_app_tcp_443_198_51_100_7_32",
    }
    for edited, added, gone, changed in (
        ({"to": ["203.0.113.7", "2001:db8::/48", "203.0.113.100"]}, 1, 0, 0),
        ({"to": ["203.0.113.7"]}, 0, 1, 0),
        ({"to": ["203.0.113.9", "2001:db8::/48"]}, 1, 1, 0),
        ({"reason": "all cards"}, 0, 0, 2),
    ):
        after = resources(egress_allow_app=[entry(**{**first, **edited}), second])
        same = [key for key in before if key in after]
        counts = (len(after) - len(same), len(before) - len(same), sum(before[key] != after[key] for key in same))
        assert counts == (added, gone, changed), edited


def test_the_order_of_entries_changes_nothing() -> None:
    two = [entry(), entry(name="other", to=["198.51.100.7"])]
    assert made("terraform", egress_allow_app=two).text == made("terraform", egress_allow_app=two[::-1]).text
