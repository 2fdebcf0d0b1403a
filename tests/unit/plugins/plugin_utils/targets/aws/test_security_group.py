# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: held against the policy by an evaluator of their own; quotas, references, stable addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hcl2
import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, to_text
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
    assert [group["rules_egress"] for group in made().data["groups"]] == [[]]
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
    (error,) = errors_of(given={"rules": 20, "groups": 1}, egress_allow_app=many)
    assert error.startswith(
        "unit app, egress_aws.rules: needs 41 IPv4 and 0 IPv6 rules, the quota is 20; most are for api (40), small"
    )


def test_a_reference_counts_with_its_weight() -> None:
    references = {"hosts:database": {"id": "pl-6da54004", "weight": 55}}
    settings = {"references": references, "groups": 1}
    many = [entry(to=SCATTERED[:10]), entry(name="db", to=["hosts:database"], services=["postgresql"])]
    (error,) = errors_of(given=settings, egress_allow_app=many)
    assert "needs 65 IPv4 and 55 IPv6 rules" in error


def test_wider_entries_are_joined_as_little_as_needed_and_the_difference_is_exact() -> None:
    unit = made(given={"rules": 39, "groups": 1}, egress_allow_app=[entry(to=SCATTERED, approximate="wider")])
    assert [len(group["rules_egress"]) for group in unit.data["groups"]] == [39]
    (difference,) = unit.differences
    reason = "its networks are joined to keep the quota of rules"
    assert difference.startswith(f"api is wider than the policy, because {reason}: ")
    assert difference.endswith(": it opens 198.51.100.1, 198.51.100.3 with tcp/443")


def test_what_is_never_open_is_not_opened_for_the_quota() -> None:
    written = [entry(to=SCATTERED, approximate="wider")]
    closed = [{"to": [f"198.51.100.{4 * number + 1}" for number in range(20)]}]
    (error,) = errors_of(given={"rules": 39, "groups": 1}, egress_allow_app=written, egress_never=closed)
    assert "needs 40 IPv4 and 0 IPv6 rules, the quota is 39" in error
    assert made(given={"rules": 39, "groups": 1}, egress_allow_app=written, egress_never=closed[:0]).differences


TIERS = sorted(path.stem for path in (Path(datafiles.__file__).parents[1] / "data" / "tiers").glob("*.yml"))


def metadata_and_private() -> list[str]:
    """The first and the last address of networks that nobody means by `internet`, and every metadata service."""
    tables = ("private_use", "shared_use", "link", "cloud_metadata")
    return [
        to_text(version, edge)
        for name in tables
        for version in (4, 6)
        for interval in words.table(name).family(version)
        for edge in interval
    ]


@pytest.mark.parametrize("target", ["aws", "terraform"])
@pytest.mark.parametrize("tier", TIERS)
def test_every_shipped_tier_can_be_rendered(tier: str, target: str) -> None:
    """Exactly or with its word, which opens neither private networks nor metadata services to say `internet`."""
    rules: list[secgroup.SecurityRule] = []
    for word in ("", "wider"):
        try:
            unit = made(target, word=word, egress_tier=tier)
        except policy.PolicyErrors:
            assert (tier, word) == ("resolver", "")  # 423 networks
            continue
        read = secgroup.groups_of_module if target == "aws" else secgroup.groups_of_terraform
        groups = read(unit.data)
        assert len(groups) <= 5
        assert max((sum(":" not in rule.to for rule in group) for group in groups), default=0) <= 60
        rules += [rule for group in groups for rule in group]
        assert bool(unit.differences) == (tier == "resolver")
    opened = [rule for rule in rules if rule.to not in ("10.0.0.0/8", "fd12:3456:789a::/48")]
    for address in metadata_and_private():
        assert not secgroup.allows(opened, address, 6, 443)
        assert not secgroup.allows(opened, address, 17, 53)


def test_any_service_inside_is_one_rule_with_its_word_and_says_what_it_opens() -> None:
    written = [entry(to=["internal"], services=["any"], approximate="wider")]
    unit = made(given={"groups": 1}, egress_allow_app=written)
    assert [(rule.protocol, rule.to) for rule in secgroup.of_module(unit.data)] == [
        ("-1", "10.0.0.0/8"),
        ("-1", "fd12:3456:789a::/48"),
    ]
    reason = "api is wider than the policy, because all of its services are one rule, to keep the quota of rules"
    (difference,) = unit.differences
    opened = "10.0.0.0/8, fd12:3456:789a::/48 with tcp/53, tcp/853, udp/53, udp/853"
    assert difference == f"{reason}: it opens {opened}"


def test_any_service_inside_without_a_word_is_exact_or_an_error_with_that_word() -> None:
    written = [entry(to=["internal"], services=["any"])]
    unit = made(egress_allow_app=written)
    assert len(secgroup.of_module(unit.data)) > 500
    assert unit.differences == ()
    (error,) = errors_of(given={"groups": 1}, egress_allow_app=written)
    assert "Fix: write approximate: wider in api (egress_approximate for all), name groups" in error
    closed = [{"to": ["10.1.0.0/16"], "services": ["dns"]}]
    wider = [{**written[0], "approximate": "wider"}]
    (error,) = errors_of(given={"groups": 1}, egress_allow_app=wider, egress_never=closed)
    assert "Fix: name groups of destinations by id" in error


def test_several_groups_are_filled_and_all_must_be_attached() -> None:
    unit = made(given={"rules": 15}, egress_allow_app=[entry(to=SCATTERED)])
    groups = unit.data["groups"]
    assert [(group["name"], len(group["rules_egress"])) for group in groups] == [
        ("tidegate-app", 15),
        ("tidegate-app:2", 15),
        ("tidegate-app:3", 10),
    ]
    assert unit.notices == (
        "the rules need 3 groups, attach all of them: tidegate-app, tidegate-app:2, tidegate-app:3",
    )
    assert unit.data["unused"] == [f"tidegate-app:{number}" for number in range(4, 17)]
    assert made(egress_allow_app=[entry()]).notices == ()


def test_what_counts_as_many_rules_is_in_one_group() -> None:
    references = {"hosts:database": {"id": "pl-6da54004", "weight": 55}}
    many = [entry(to=SCATTERED[:10]), entry(name="db", to=["hosts:database"], services=["postgresql"])]
    unit = made(given={"references": references}, egress_allow_app=many)
    assert [[rule.to for rule in group][-1] for group in secgroup.groups_of_module(unit.data)] == [
        "pl-6da54004",
        "198.51.100.18/32",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"vpc_id": ...}, "egress_aws: vpc_id is missing. Fix: write egress_aws: {vpc_id: vpc-…}"),
        ({"rules": 0}, 'egress_aws.rules: "0" is not a number from 1 to 1000'),
        ({"groups": 17}, 'egress_aws.groups: "17" is not a number from 1 to 16'),
        ({"rules": 500, "groups": 3}, "egress_aws.groups: 3 groups of 500 rules are more than 1,000 rules"),
        (
            {"references": {"hosts:x": {"id": "pl-6da54004", "weight": 61}}},
            'egress_aws.references.hosts:x.weight: "61" is not a number from 1 to 60',
        ),
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
    rules: dict[str, Any] = data.get("aws_vpc_security_group_egress_rule", {})
    assert all(rule["security_group_id"] == "${aws_security_group.tidegate_app.id}" for rule in rules.values())
    return rules


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
