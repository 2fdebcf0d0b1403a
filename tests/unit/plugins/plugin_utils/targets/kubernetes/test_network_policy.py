# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkPolicies: held against the policy by an evaluator of their own, and against what the API server refuses."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, parse, union
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ANY, ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes import (
    cilium,
    ip_blocks,
    network_policy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Opening, Target, Unit
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.serialise import read_difference
from ansible_collections.tidegate.nftables.tests.support.growth import growth
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import netpol
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    KUBERNETES,
)


def object_of(word: str = "", given: Any = None, **changes: Any) -> dict[str, Any]:
    """The NetworkPolicy of a policy without errors."""
    resolved = build(**changes)
    variables: dict[str, Any] = {"egress_kubernetes": {**KUBERNETES, **(given or {})}}
    if word:
        variables["egress_approximate"] = {"kubernetes": word}
    data = host_contribution.contribution(resolved, network_policy.TARGET, variables, NOTHING)
    (unit,) = render_units.render_units([data])
    rendered: dict[str, Any] = unit.data
    kubernetes_validate.validate(rendered, "1.30", strict=True)
    assert netpol.complaints(rendered) == []
    return rendered


def errors_of(**changes: Any) -> list[str]:
    with pytest.raises(policy.PolicyErrors) as raised:
        object_of(**changes)
    return [str(error) for error in raised.value.errors]


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (None, "namespace and labels are"),
        ({"namespace": "shop"}, "labels is"),
        ({"labels": {"a": "b"}}, "namespace is"),
    ],
)
def test_what_the_target_must_know_is_named_with_what_to_write(settings: Any, missing: str) -> None:
    variables = {} if settings is None else {"egress_kubernetes": settings}
    with pytest.raises(policy.PolicyErrors) as raised:
        host_contribution.contribution(build(), network_policy.TARGET, variables, NOTHING)
    (error,) = raised.value.errors
    fix = "write egress_kubernetes: {namespace: NAME, labels: {KEY: VALUE}}, the labels of the unit's pods"
    assert str(error) == f"egress_kubernetes: {missing} missing. Fix: {fix}"


@pytest.mark.parametrize("word", ["wider", "narrower"])
def test_of_a_list_that_others_fill_only_what_is_not_open_anyhow_differs(word: str) -> None:
    lists = {"partners": feeds.PrefixListResult("partners", external=True)}
    resolved = build(
        replace(INVENTORY, lists=lists),
        egress_tier="build",
        egress_prefix_lists={"partners": {}},
        egress_allow_app=[entry(to=["prefix_list:partners", "1.0.0.0/24"])],
        egress_never=[{"to": ["9.9.9.9"], "reason": "shut"}],
    )
    variables = {"egress_kubernetes": KUBERNETES, "egress_approximate": {"kubernetes": word}}
    differences = host_contribution.contribution(resolved, network_policy.TARGET, variables, NOTHING)["differences"]
    differing = union(
        difference.addresses for difference in map(read_difference, differences) if difference.entry == "api"
    )
    assert "1.1.1.1" in differing
    assert "1.0.0.9" not in differing  # open by its address
    assert "9.9.9.9" not in differing  # closed to everybody


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(20, 32)), max_size=8), st.integers(0, 32))
def test_blocks_are_exactly_the_set(networks: list[tuple[int, int]], length: int) -> None:
    pieces = [parse(f"{_v4(value >> (32 - bits) << (32 - bits))}/{bits}") for value, bits in networks]
    whole = parse(f"{_v4(0)}/{length}")
    for destinations in (union(pieces), whole - union(pieces)):
        blocks = ip_blocks.ip_blocks(destinations)
        held = [parse(block.cidr) - union(parse(hole) for hole in block.excepted) for block in blocks]
        assert union(held) == destinations
        assert all(held)
        assert sum(1 + len(block.excepted) for block in blocks) <= len(destinations.cidrs())


def _v4(value: int) -> str:
    return ".".join(str(byte) for byte in value.to_bytes(4, "big"))


def test_an_empty_policy_closes_everything() -> None:
    rendered = object_of(egress_floor_without=["dns"])
    assert rendered["spec"]["policyTypes"] == ["Egress"]
    assert rendered["spec"]["egress"] == []
    assert not netpol.allows([rendered], "203.0.113.7", "TCP", 443)


def test_nothing_missing_ever_opens() -> None:
    port_zero = ServiceSet(((6 * 65536, 6 * 65536),))
    nothing = (
        Opening(entry="no-destination", addresses=NOTHING, services=ANY),
        Opening(entry="no-port", addresses=parse("203.0.113.7"), services=port_zero),
    )
    rendered = network_policy.policy_object(
        Unit(name="app", openings=nothing, settings={**KUBERNETES, "references": {}})
    )
    assert rendered["spec"]["egress"] == []


def test_an_entry_is_a_rule_with_its_ports() -> None:
    written = entry(to=["203.0.113.0/24"], services=["https", "tcp/9600-9610"], **{"except": ["203.0.113.13"]})
    rendered = object_of(egress_floor_without=["dns"], egress_allow_app=[written])
    assert rendered["spec"]["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.13/32"]}}],
            "ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 9600, "endPort": 9610}],
        }
    ]


def test_dns_of_the_cluster_is_open_where_the_floor_has_it() -> None:
    pods = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}, False)
    rendered = object_of(egress_dns_servers=["10.10.0.10"])
    assert netpol.allows([rendered], "10.96.0.10", "UDP", 53, pods)
    assert netpol.allows([rendered], "10.10.0.10", "UDP", 53)
    assert not netpol.allows([rendered], "10.96.0.10", "UDP", 53, ({}, {"k8s-app": "kube-dns"}, True))
    assert not netpol.allows([object_of(egress_floor_without=["dns"])], "10.96.0.10", "UDP", 53, pods)


def test_a_destination_can_be_pods() -> None:
    references = {
        "hosts:database": {"pods": {"tier": "database"}, "namespace": {"kubernetes.io/metadata.name": "data"}}
    }
    written = entry(to=["hosts:database", "203.0.113.7"], services=["postgresql"])
    rendered = object_of(given={"references": references}, egress_allow_app=[written])
    there = ({"kubernetes.io/metadata.name": "data"}, {"tier": "database"}, False)
    assert netpol.allows([rendered], "10.244.0.9", "TCP", 5432, there)
    assert not netpol.allows([rendered], "10.244.0.9", "TCP", 5432, ({}, {"tier": "database"}, True))
    assert netpol.allows([rendered], "203.0.113.7", "TCP", 5432)
    # By its name, and no longer by the addresses of the inventory.
    assert not netpol.allows([rendered], "10.20.0.1", "TCP", 5432)


def test_what_is_cut_into_goes_by_address() -> None:
    references = {"hosts:database": {"pods": {"tier": "database"}}}
    written = entry(to=["hosts:database"], services=["postgresql"])
    rendered = object_of(
        given={"references": references}, egress_allow_app=[written], egress_never=[{"to": ["10.20.0.2"]}]
    )
    assert netpol.allows([rendered], "10.20.0.1", "TCP", 5432)
    assert not netpol.allows([rendered], "10.20.0.2", "TCP", 5432, ({}, {"tier": "database"}, True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"egress_allow_app": [entry(users=["payd"])]},
            "kubernetes cannot distinguish the sockets of payd from others. Fix: write approximate: wider or narrower",
        ),
        (
            {"egress_allow_app": [entry(services=["icmp"])]},
            "egress_allow_app[api]: kubernetes cannot express proto/1. Fix: ",
        ),
        (
            {"egress_allow_app": [entry(to=["api.example.com"])]},
            "egress_allow_app[api].to[0]: kubernetes does not know domain names (api.example.com). Fix: write",
        ),
        (
            {"egress_allow_app": [entry(to=["api.example.com"], approximate="wider")]},
            "send these connections through a proxy by an entry to its hosts; or write approximate: narrower in the",
        ),
        (
            {"egress_allow_app": [entry(to=["2001:db8::/48"])], "given": {"families": ["ipv4"]}},
            "egress_allow_app[api]: kubernetes has IPv4 only. Fix: write approximate: narrower",
        ),
        (
            {
                "egress_allow_app": [entry(to=["10.5.0.0/16"], services=["icmp"], approximate="wider")],
                "egress_never": [{"to": ["10.5.1.0/24"], "services": ["ssh"]}],
            },
            "kubernetes cannot express proto/1 without opening 10.5.1.0, which egress_never closes. Fix: write",
        ),
        ({"given": {"labels": {}}}, "egress_kubernetes.labels: has no label, which would select everything"),
        ({"given": {"dns": {}}}, "egress_kubernetes.dns: selects everything"),
        (
            {"given": {"references": {"hosts:x": {"pods": {}}}}},
            "egress_kubernetes.references.hosts:x.pods: has no label",
        ),
        ({"given": {"namespace": "Shop"}}, 'egress_kubernetes.namespace: "Shop" is not the name of a namespace'),
        ({"given": {"families": ["v4"]}}, 'egress_kubernetes.families[0]: unknown value "v4"'),
    ],
)
def test_what_cannot_be_expressed_is_an_error_by_entry(changes: dict[str, Any], message: str) -> None:
    (error,) = errors_of(**changes)
    assert message in error


def test_an_approximation_says_exactly_what_it_opens() -> None:
    resolved = build(egress_allow_app=[entry(users=["payd"], approximate="wider")])
    data = host_contribution.contribution(resolved, network_policy.TARGET, {"egress_kubernetes": KUBERNETES}, NOTHING)
    (unit,) = render_units.render_units([data])
    why = "kubernetes cannot distinguish the sockets of payd from others"
    flows = "203.0.113.0/24 with tcp/443"
    assert unit.differences == (f"api is wider than the policy, because {why}: it opens {flows}",)


def test_hosts_of_a_unit_must_mean_the_same() -> None:
    variables = {"egress_kubernetes": KUBERNETES}
    parts = []
    for host, extra in (("app1", []), ("app2", [entry(name="more")])):
        resolved = build(INVENTORY, egress_allow_app=[entry(), *extra])
        parts.append(
            {**host_contribution.contribution(resolved, network_policy.TARGET, variables, NOTHING), "host": host}
        )
    with pytest.raises(policy.PolicyErrors) as raised:
        render_units.render_units(parts)
    assert "unit app: app1 and app2 do not mean the same by more. Fix: give them different egress_unit" in str(
        raised.value
    )


# A new set for each measurement: nothing is remembered from the one before.
NUMBERS = itertools.count()


def host_part(target: Target, networks: int, entries: int) -> dict[str, Any]:
    """Return what a host contributes whose entries share a list."""
    shift = next(NUMBERS)
    allowed = union(
        parse(f"{20 + number // 4096}.{number // 16 % 256}.{number % 16 * 16}.{shift % 256}")
        for number in range(networks)
    )
    inventory = replace(INVENTORY, lists={"big": feeds.PrefixListResult("big", allowed)})
    resolved = build(
        inventory,
        egress_tier="build",
        egress_prefix_lists={"big": {}},
        egress_allow_app=[
            entry(name=f"e{number}", to=["prefix_list:big"], services=[f"tcp/{1000 + number}"])
            for number in range(entries)
        ],
    )
    return host_contribution.contribution(resolved, target, {"egress_kubernetes": KUBERNETES}, NOTHING)


def rendered_text(target: Target, part: dict[str, Any]) -> str:
    assert target.render is not None
    return target.render(render_units.unit_of("app", [part])).text


@pytest.mark.parametrize("target", [network_policy.TARGET, cilium.TARGET], ids=lambda target: target.name)
def test_a_list_is_written_once_however_many_entries_share_it(target: Target) -> None:
    text = rendered_text(target, host_part(target, 300, 3))
    assert text.count("20.0.16.") == 3  # in each entry
    ratio = growth(
        lambda entries: host_part(target, 1000, entries), lambda part: rendered_text(target, part), 5, limit=2, tries=3
    )
    assert ratio < 2, ratio


@pytest.mark.parametrize("target", [network_policy.TARGET, cilium.TARGET], ids=lambda target: target.name)
def test_rendering_is_linear_in_the_networks_of_a_list(target: Target) -> None:
    ratio = growth(
        lambda networks: host_part(target, networks, 4), lambda part: rendered_text(target, part), 250, limit=8, tries=3
    )
    assert ratio < 8, ratio
