# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prefix_list:NAME in a policy: what it opens, what it never opens, and what is said."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy import support
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import allowed, entry

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
OLD = policy.Notice("prefix_list_kept", "egress_prefix_lists.crm", "the copy of yesterday stays in use")


def listed(name: str, *networks: str, **about: Any) -> feeds.PrefixListResult:
    content = addresses.union(addresses.parse(text) for text in networks)
    return feeds.PrefixListResult(name, content, **about)


LISTS = {
    "crm": listed("crm", "203.0.113.0/24", "2001:db8:7::/48", fetched_at=NOW, notices=(OLD,)),
    "wild": listed(
        "wild",
        *("198.51.100.0/24", "10.1.0.0/16", "169.254.169.254", "64:ff9b::a01:1", "fd12:3456:789a:1::/64"),
        fetched_at=NOW,
    ),
    "ours": listed("ours", "10.7.0.0/24"),
    "ads": listed("ads", "198.51.100.0/24", shared=True),
    "soc": listed("soc", external=True),
}


class Failing(FixedInventory):
    """A inventory whose source is gone."""

    def prefix_list(self, name: str) -> feeds.PrefixListResult:
        raise policy.PolicyErrors((policy.PolicyError(f"egress_prefix_lists.{name}", "answers HTTP 503"),))


INVENTORY = replace(support.INVENTORY, lists=LISTS)


def build(inventory: policy.Inventory = INVENTORY, **changes: Any) -> policy.ResolvedPolicy:
    return support.build(inventory, **{"egress_prefix_lists": {name: {} for name in LISTS}, **changes})


def errors(inventory: policy.Inventory = INVENTORY, **changes: Any) -> list[str]:
    try:
        build(inventory, **changes)
    except policy.PolicyErrors as raised:
        return [str(error) for error in raised.errors]
    return []


def notices(resolved: policy.ResolvedPolicy, kind: str) -> list[str]:
    return [str(notice) for notice in resolved.notices if notice.kind == kind]


def test_a_list_opens_its_networks_and_no_others() -> None:
    resolved = build(egress_allow_app=[entry(to=["prefix_list:crm"], **{"except": ["203.0.113.9"]})])
    assert allowed(resolved, "203.0.113.7", "tcp/443")
    assert allowed(resolved, "2001:db8:7::1", "tcp/443")
    assert not allowed(resolved, "203.0.113.9", "tcp/443")
    assert not allowed(resolved, "203.0.114.1", "tcp/443")
    assert resolved.entries[-1].to == ("prefix_list:crm",)


def test_a_list_can_be_subtracted_tested_and_refused_quietly() -> None:
    resolved = build(
        egress_allow_app=[entry(to=["203.0.113.0/24", "198.51.100.0/24"], **{"except": ["prefix_list:ads"]})],
        egress_never=[{"to": "prefix_list:wild"}],
        egress_deny_quietly=[{"to": "prefix_list:crm"}],
        egress_tests_app=[{"name": "ads", "not_reach": "prefix_list:ads", "services": "any"}],
    )
    assert not allowed(resolved, "198.51.100.7", "tcp/443")
    assert resolved.quiet[0].addresses == LISTS["crm"].addresses
    # What closes does so inside as well, whoever wrote the list.
    assert resolved.never[0].addresses == LISTS["wild"].addresses


def test_what_is_said_about_a_list_is_said_once() -> None:
    resolved = build(egress_allow_app=[entry(name=name, to=["prefix_list:crm"], services=[s]) for name, s in NAMES])
    assert notices(resolved, "prefix_list_kept") == [str(OLD)]


NAMES = (("one", "https"), ("two", "http"))


def test_a_name_that_is_not_declared_gets_a_guess_where_it_is_used() -> None:
    (sentence,) = errors(egress_allow_app=[entry(to=["10.1.1.1", "prefix_list:crmm"])])
    assert sentence == (
        'egress_allow_app[api].to[1]: "prefix_list:crmm": egress_prefix_lists has no list "crmm". Did you mean crm?'
    )
    (sentence,) = errors(egress_prefix_lists=..., egress_allow_app=[entry(to=["prefix_list:crm"])])
    assert sentence.endswith("declare it: egress_prefix_lists: {NAME: {url: …}}")


def test_the_errors_of_a_list_come_with_all_others_and_once() -> None:
    inventory = Failing("app1", support.INVENTORY.groups, support.INVENTORY.known)
    entries = [entry(name=name, to=["prefix_list:crm"]) for name in ("one", "two")]
    messages = errors(inventory, egress_allow_app=[*entries, entry(to=["hosts:nobody"])])
    assert len(messages) == 2
    assert messages[0] == "egress_prefix_lists.crm: answers HTTP 503"
    assert "matches no host" in messages[1]


def test_an_expired_entry_does_not_need_its_list() -> None:
    entries = [entry(to=["prefix_list:gone"], expires="2026-11-19")]
    assert errors(Failing("app1"), egress_allow_app=entries) == []


def test_a_list_from_elsewhere_opens_nothing_inside_and_no_metadata_service() -> None:
    resolved = build(egress_allow_app=[entry(to=["prefix_list:wild"])])
    assert allowed(resolved, "198.51.100.7", "tcp/443")
    for address in ("10.1.0.1", "169.254.169.254", "fd12:3456:789a:1::1", "64:ff9b::a01:1"):
        assert not allowed(resolved, address, "tcp/443"), address
    (notice,) = notices(resolved, "prefix_list_inside")
    assert '"prefix_list:wild" contains 10.1.0.0' in notice
    # What is written in the policy itself is meant.
    assert allowed(build(egress_allow_app=[entry(to=["prefix_list:ours"])]), "10.7.0.1", "tcp/443")
    # As is what the entry says beside the list.
    both = build(egress_allow_app=[entry(to=["prefix_list:wild", "10.1.2.3"])])
    assert allowed(both, "10.1.2.3", "tcp/443")
    assert not allowed(both, "10.1.2.4", "tcp/443")


def test_without_internal_networks_private_ones_stay_closed_to_lists_all_the_same() -> None:
    resolved = build(
        egress_mode="observe",
        egress_internal_networks=...,
        egress_allow_app=[entry(to=["prefix_list:wild"])],
    )
    assert "10.1.0.1" not in resolved.entries[-1].addresses


def test_a_list_that_holds_nothing_but_the_inside_opens_nothing() -> None:
    inventory = replace(INVENTORY, lists={"crm": listed("crm", "10.1.0.0/16", fetched_at=NOW)})
    assert "opens nothing" in errors(inventory, egress_allow_app=[entry(to=["prefix_list:crm"])])[0]


def test_a_shared_platform_is_said_and_kept() -> None:
    resolved = build(egress_allow_app=[entry(to=["prefix_list:ads"])])
    assert resolved.entries[-1].shared == ("prefix_list:ads",)
    (notice,) = notices(resolved, "shared")
    assert notice.startswith(
        "egress_allow_app[api]: prefix_list:ads is a shared platform: anyone can host a service there"
    )


def test_a_list_is_bound_by_the_ceiling_like_what_is_written() -> None:
    (sentence,) = errors(egress_tier="database", egress_allow_db=[entry(to=["prefix_list:crm"])])
    assert "203.0.113.0 is outside egress_internal_networks, where tier database reaches nothing" in sentence


BUILD: dict[str, Any] = {"egress_tier": "build", "egress_allow_build": [entry(to=["prefix_list:soc"])]}


def test_what_others_fill_is_a_set_without_elements() -> None:
    spec = compile_table(build(**BUILD))
    sets = {one["name"]: one for one in spec["sets"]}
    assert "elements" not in sets["external_soc4"]
    assert "elements" not in sets["external_soc6"]
    (allow,) = (chain["rules"] for chain in spec["chains"] if chain["name"] == "egress_allow")
    for family, version in (("ip", 4), ("ip6", 6)):
        match = f"tcp dport 443 {family} daddr @external_soc{version} {family} daddr @internet{version}"
        assert f'{match} counter accept comment "api"' in allow


def test_what_others_fill_opens_no_more_than_the_internet() -> None:
    (grant,) = next(one for one in build(**BUILD).entries if one.name == "api").external
    for address in ("10.1.0.1", "169.254.169.254", "fd00:ec2::254", "192.168.1.1", "127.0.0.1"):
        assert address not in grant.addresses, address
    assert "1.1.1.1" in grant.addresses


def test_the_oracle_takes_what_others_fill_for_empty() -> None:
    resolved = build(
        egress_ceiling_raise_app=[
            entry(to=["prefix_list:soc"], reason="x", owner="y", review_by="2027-01-01"),
        ]
    )
    assert not allowed(resolved, "1.1.1.1", "tcp/443")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"egress_allow_app": [entry(to=["prefix_list:soc"])]},
            "prefix_list:soc is filled by others with any address of the internet, which is too wide for tier app",
        ),
        (
            {"egress_allow_base": [entry(to=["prefix_list:soc"])]},
            "prefix_list:soc is filled by others, who may name addresses outside egress_internal_networks",
        ),
        ({"egress_never": [{"to": "prefix_list:soc"}]}, "is filled by others, so its content is not known here"),
        ({"egress_deny_quietly": [{"to": "prefix_list:soc"}]}, "is filled by others"),
        (
            {"egress_tests_app": [{"name": "t", "not_reach": "prefix_list:soc", "services": "any"}]},
            "is filled by others",
        ),
        (
            {"egress_allow_app": [entry(to=["203.0.113.0/24"], **{"except": ["prefix_list:soc"]})]},
            "egress_allow_app[api].except[0]: ",
        ),
        (
            {**BUILD, "egress_inbound_allow": [{"name": "i", "from": "prefix_list:soc", "services": ["https"]}]},
            "filled",
        ),
        (
            {"egress_tier": "build", "egress_allow_b": [entry(to=["prefix_list:soc"], **{"except": ["1.1.1.1"]})]},
            "except cannot apply to prefix_list:soc",
        ),
        ({"egress_dns_servers": ["prefix_list:crm"]}, '"prefix_list:crm" is not a server'),
        ({"egress_internal_networks": ["prefix_list:ours"]}, '"prefix_list:ours" is not a network'),
    ],
)
def test_where_a_list_does_not_belong(changes: dict[str, Any], message: str) -> None:
    assert message in errors(**changes)[0]


def test_a_proof_of_absence_reckons_with_everything_that_others_could_fill() -> None:
    test = {"name": "t", "not_reach": "1.1.1.1", "services": ["https"]}
    assert "everybody reaches 1.1.1.1 with tcp/443" in errors(**BUILD, egress_tests_b=[test])[0]
    own: dict[str, Any] = {"egress_tiers": {"build": {"extends": "build", "allow": [{**OPEN, "to": ["192.0.2.1"]}]}}}
    assert "the entry api" in errors(**BUILD, **own, egress_tests_b=[test])[0]
    reach = {"name": "t", "reach": "1.1.1.1", "services": ["https"]}
    assert "not everybody reaches 1.1.1.1" in errors(**BUILD, **own, egress_tests_b=[reach])[0]


OPEN = {"name": "tier-internet", "services": ["https"]}


def test_what_others_fill_makes_no_other_entry_superfluous() -> None:
    raised = entry(to=["prefix_list:soc"], reason="x", owner="y", review_by="2027-01-01")
    resolved = build(
        egress_ceiling_raise_app=[raised], egress_allow_app=[entry(name="one", to=["1.1.1.1"], services=["https"])]
    )
    assert notices(resolved, "redundant") == []
    assert notices(resolved, "closed_by_never") == []


def test_the_word_internet_never_is_the_inside_in_translation() -> None:
    resolved = build(egress_tier="build", egress_nat64_prefix="2a00:64::/96")
    assert allowed(resolved, "2a00:64::101:101", "tcp/443")
    assert not allowed(resolved, "2a00:64::a01:1", "tcp/443")
