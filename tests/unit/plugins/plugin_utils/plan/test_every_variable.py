# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any change of any variable of the table changes the plan, or neither packets nor guards."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import apply_arguments
from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import PrefixListResult
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.formats import plan_files
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import EgressPlan, HostPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors, ResolvedPolicy, build
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    TODAY,
    VARIABLES,
    entry,
)

ROWS: dict[str, dict[str, Any]] = {
    name: row for name, row in datafiles.load("variables").items() if row["by"] != "nobody"
}
OF_POLICIES = [name for name, row in ROWS.items() if row["by"] == "policy"]
# What hosts have beside the variable in question: little, and something of everything.
RICH: Mapping[str, Any] = {
    **VARIABLES,
    "egress_containers": True,
    "egress_log": "nflog",
    "egress_dns_servers": ["10.0.0.53"],
    "egress_ntp_servers": ["10.0.0.123"],
    "egress_inbound_allow": [{"name": "ssh", "from": ["internal"], "services": ["ssh"]}],
    "egress_services": {"ledger": ["tcp/8444"]},
    "egress_prefix_lists": {"office": {"prefixes": ["198.51.100.0/24"]}},
    "egress_never": [{"to": ["10.99.0.0/16"], "except_users": ["root"]}],
    "egress_allow_rich": [
        entry(name="ledger", services=["ledger"], users=["payd"], reason="ledger", owner="team"),
        entry(name="office", to=["prefix_list:office"], reason="office", owner="team"),
        entry(name="inside", to=["internal"], services=["postgresql"], reason="data", owner="team"),
        entry(name="images", to=["192.0.2.7"], **{"for": ["containers"]}, reason="images", owner="team"),
    ],
    "egress_tests_rich": [{"name": "mail", "not_reach": "internet", "services": ["smtp"]}],
}
HOSTS: tuple[Mapping[str, Any], ...] = (
    VARIABLES,
    RICH,
    {**RICH, "egress_mode": "observe"},
    {
        **RICH,
        "egress_tier": "web",
        "egress_names": "resolver",
        "egress_known": {"billing": {"names": ["api.billing.example"], "services": ["https"]}},
        "egress_allow_names": [
            entry(name="named", to=["api.example.com"], approximate="narrower"),
            entry(name="billing", to=["known:billing"], services=..., approximate="narrower"),
        ],
    },
)
NAMED = entry(to=["api.example.com"], approximate="narrower")
PROXY = {"egress_names": "proxy", "egress_proxies": ["10.0.0.8"], "egress_allow_names": [NAMED]}
HOSTS = (*HOSTS, {**VARIABLES, **PROXY})
# Values beside the default, "not set" and the example.
MORE: Mapping[str, list[Any]] = {
    "egress_allow_*": [
        [entry(users=["payd"])],
        [entry(expires="2026-12-31")],
        [entry(expires="2026-11-19")],
        [entry(services=["any"], to=["10.0.0.9"])],
    ],
    "egress_ceiling_raise_*": [[entry(reason="r", owner="o", review_by="2027-01-01", services=["ssh"])]],
    "egress_container_interfaces": [["docker0"], ["docker0", "podman0"]],
    "egress_deny_quietly": [[{"to": ["192.0.2.80"], "services": ["https"]}]],
    "egress_dns_servers": [["auto"], ["10.0.0.54", "fd12:3456:789a::53"]],
    "egress_floor_without": [[part] for part, row in datafiles.load("floor").items() if row["removable"]],
    "egress_inbound_allow": [[{"name": "site", "from": "any", "services": ["https"]}]],
    "egress_internal_networks": [["10.0.0.0/9"], ["10.0.0.0/8", "192.168.0.0/16"]],
    "egress_internal_services": [[], ["ssh"]],
    "egress_known": [{"billing": {"names": ["*.billing.example"], "services": ["https"]}}],
    "egress_mode": ["enforce", "observe", "absent"],
    "egress_never": [[{"to": "cloud-metadata"}], [{"to": "any", "services": ["smtp"], "except_users": ["mail"]}]],
    "egress_ntp_servers": [["pool"], ["10.0.0.124"]],
    "egress_observe": [["internal"], ["internal", "internet"]],
    "egress_prefix_lists": [
        {"office": {"prefixes": ["198.51.100.0/25"]}},
        {"office": {"file": "office.json", "max_change": "30%"}},
        {"office": {"file": "office.json", "max_change": "90%"}},
        {"office": {"file": "other.json", "max_change": "90%"}},
    ],
    "egress_require": [["review_by"]],
    "egress_services": [{"ledger": ["tcp/9000"]}],
    "egress_tests_*": [
        [{"name": "t", "not_reach": "any", "services": ["ssh"]}],
        [{"name": "t", "not_reach": "any", "services": ["ssh"], "user": "payd"}],
        [{"name": "t", "reach": "192.0.2.7", "services": ["ssh"]}],
    ],
    "egress_names": ["periodic", "proxy"],
    "egress_proxies": [["10.0.0.9"]],
    "egress_tier": ["web", "database", "build", "mail"],
    "egress_tiers": [
        {"app": {"extends": "app", "ceiling": {"internal": {"services": ["https", "postgresql", "tcp/8444"]}}}},
        {"app": {"extends": "app", "ceiling": {"external": {"widest": {"ipv4": 24}, "most": {"ipv6": 20}}}}},
        {"app": {"extends": "app", "ceiling": {"external": {"wildcards": False}}}},
        {"app": {"extends": "app", "internal_services": ["ssh"]}},
    ],
}
UNSET = object()


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The hosts of INVENTORY, and prefix lists as they are written."""

    lists: Mapping[str, Any]
    host: str = INVENTORY.host
    groups: Any = dataclasses.field(default_factory=lambda: INVENTORY.groups)
    tiers: Any = dataclasses.field(default_factory=lambda: INVENTORY.tiers)
    addresses_of: Mapping[str, list[str]] = dataclasses.field(default_factory=dict)

    def hosts(self, pattern: str) -> list[str]:
        return INVENTORY.hosts(pattern)

    def addresses(self, host: str) -> list[str]:
        return self.addresses_of.get(host) or INVENTORY.addresses(host)

    def prefix_list(self, name: str) -> PrefixListResult:
        networks = addresses.union(addresses.parse(text) for text in self.lists[name].get("prefixes", ["192.0.2.0/24"]))
        return PrefixListResult(name, networks)


def policy(variables: Mapping[str, Any], **inventory: Any) -> HostPolicy:
    written = {name: value for name, value in variables.items() if value is not UNSET}
    world = Inventory(written.get("egress_prefix_lists", {}), **inventory)
    try:
        return HostPolicy(build(written, world, today=TODAY, check_tests=False))
    except PolicyErrors as errors:
        return HostPolicy(None, tuple(str(error) for error in errors.errors))


def planned(before: HostPolicy, after: HostPolicy) -> EgressPlan:
    return compare({"app1": before}, {"app1": after}, name="main")


@functools.cache
def pairs(name: str) -> tuple[tuple[HostPolicy, HostPolicy], ...]:
    """Return policies that differ in one variable, of every host."""
    row = ROWS[name]
    values = [UNSET, *([row["default"]] if "default" in row else []), row["example"], *MORE.get(name, [])]
    variable = name.replace("*", "topic")
    of_hosts = ([policy({**host, variable: value}) for value in values] for host in HOSTS)
    return tuple(pair for policies in of_hosts for pair in itertools.permutations(policies, 2))


def decisive(resolved: ResolvedPolicy) -> object:
    """Return what a host does and keeps by this policy, and all that guards it on the controller."""
    arguments = apply_arguments(resolved, "who", "")
    if resolved.mode == "absent":
        return arguments["tables"], arguments["root"]
    words = (resolved.internal, resolved.internet)
    guards = (words, resolved.tests, resolved.require, resolved.ceilings, resolved.list_options, resolved.beside)
    return arguments, guards


def test_the_plan_has_no_more_variables_than_the_table() -> None:
    assert set(MORE) <= set(OF_POLICIES)
    assert {name for name, row in ROWS.items() if "plan" in row} == {
        name for name, row in ROWS.items() if row["by"] in ("role", "playbook")
    }


@pytest.mark.parametrize("name", OF_POLICIES)
def test_a_change_is_in_the_plan_or_changes_neither_packets_nor_guards(name: str) -> None:
    differs = False
    for before, after in pairs(name):
        plan = planned(before, after)
        if before.resolved is None or after.resolved is None:
            assert plan.remarks
            continue
        if plan.outcome == "same":
            assert decisive(before.resolved) == decisive(after.resolved)
            continue
        differs = True
        files = plan_files(plan)
        assert files["plan-github.txt"], "no annotation of a change"
        assert '"description"' in files["plan-codequality.json"]
    assert differs, "no value of this variable changes the plan: add two values to MORE that make a difference"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.get("plan")])
def test_what_only_playbooks_read_is_compared_where_it_decides_something(name: str) -> None:
    default, example = ROWS[name].get("default", UNSET), ROWS[name]["example"]
    example = {True: False}.get(example, example) if example == default else example
    before, after = (
        policy({**RICH, name: default}),
        policy({**RICH, name: [example] if example == default else example}),
    )
    assert planned(before, after).outcome == planned(before=after, after=before).outcome == "guards"
    assert planned(before, policy(RICH)).outcome == "same"


# Playbooks that write reports and answers; no packet and no guard depends on what only they read.
REPORTS = (
    "explain.yml",
    "plan.yml",
    "render.yml",
    "report.yml",
    "review.yml",
    "status.yml",
    "suggest.yml",
    "whatif.yml",
)


PRINTED = ("egress_diff",)
"""Variables that decide about nothing but what a run prints."""


@pytest.mark.parametrize(
    "name", [name for name, row in ROWS.items() if row.get("plan") is False and name not in PRINTED]
)
def test_what_the_plan_leaves_out_is_read_by_reports_alone(name: str) -> None:
    files = [*(CHECKOUT / "playbooks").glob("*.yml"), *(CHECKOUT / "roles").rglob("*.yml")]
    readers = {file.name for file in files if re.search(rf"(?<!\w){name}(?!\w)", file.read_text(encoding="utf-8"))}
    assert readers
    assert readers <= set(REPORTS)


def test_an_address_of_a_host_is_in_the_plan_of_those_who_name_it() -> None:
    names = {**VARIABLES, "egress_allow_app": [entry(to=["hosts:mirror"])]}
    plan = planned(policy(names), policy(names, addresses_of={"mirror1": ["10.10.0.31"]}))
    assert plan.outcome == "different"
    assert all(row["by"] == "inventory" for name, row in ROWS.items() if name == "egress_addresses")


# Fields of a policy that the comparison reads through others, or that no host and no guard depends on.
NOT_COMPARED = {
    "host": "the same on both sides",
    "own": "what goes there stays on the host",
    "outside": "internal and internet have it",
    "origins": "where things are written",
    "notices": "compared as remarks",
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ResolvedPolicy)])
def test_every_field_of_a_policy_has_a_variable_that_changes_it(field: str) -> None:
    if field in NOT_COMPARED:
        return
    changed = (
        planned(before, after).outcome != "same"
        for name in OF_POLICIES
        for before, after in pairs(name)
        if before.resolved and after.resolved and getattr(before.resolved, field) != getattr(after.resolved, field)
    )
    assert field in ("ansible_port", "beside") or any(changed)
