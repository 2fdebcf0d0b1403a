# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CiliumNetworkPolicies: held against the policy by an evaluator of their own, names and what closes beside them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes import cilium
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    BESIDE_A_WORD,
    BOTH_CLOSE,
    KUBERNETES,
    UNDER_A_WORD,
    WORDS,
    check,
    policies,
    rendered,
    resolve,
    tried,
)

NAME = "api.payments.example"


def allows(found: Mapping[str, Any], address: str, protocol: str, port: int | None, name: str = "") -> bool:
    """What Cilium lets a selected pod do. name: by which the pod looked the address up.

    Deny rules come first. A rule selects what one of its kinds of destination has; without any it selects nothing.
    """
    spec = found["spec"]
    assert spec["egress"], "without a rule for egress Cilium closes nothing"
    if any(_rule(rule, address, protocol, port, "") for rule in spec.get("egressDeny", ())):
        return False
    return any(_rule(rule, address, protocol, port, name) for rule in spec["egress"])


def _rule(rule: Mapping[str, Any], address: str, protocol: str, port: int | None, name: str) -> bool:
    kinds = [key for key in rule if key.startswith("to") and key != "toPorts"]
    if not kinds:
        return False
    assert len(kinds) == 1, "destinations of one rule would all have to hold"
    one = ipaddress.ip_address(address)
    there = any(
        one in ipaddress.ip_network(block["cidr"])
        and not any(one in ipaddress.ip_network(hole) for hole in block.get("except", ()))
        for block in rule.get("toCIDRSet", ())
    ) or any(item["matchName"] == name for item in rule.get("toFQDNs", ()))
    return there and _ports(rule.get("toPorts"), protocol, port)


def _ports(listed: Sequence[Mapping[str, Any]] | None, protocol: str, port: int | None) -> bool:
    if listed is None:
        return True
    ports = [one for item in listed for one in item["ports"]]
    assert ports
    assert all(len(item["ports"]) <= 40 for item in listed)
    return any(one["protocol"] in (protocol, "ANY") and _port(one, port) for one in ports)


def _port(one: Mapping[str, Any], port: int | None) -> bool:
    first = int(one["port"])
    return first == 0 or (port is not None and first <= port <= one.get("endPort", first))


def object_of(**changes: Any) -> dict[str, Any]:
    data = host_contribution.contribution(build(**changes), cilium.TARGET, {"egress_kubernetes": KUBERNETES}, NOTHING)
    (built,) = render_units.render_units([data])
    found: dict[str, Any] = built.data
    return found


@settings(max_examples=100, deadline=None)
@given(policies, st.sampled_from(WORDS), tried)
@example(*BESIDE_A_WORD)
@example(*UNDER_A_WORD)
@example(BOTH_CLOSE[0], "narrower", BOTH_CLOSE[1])
@example(BOTH_CLOSE[0], "wider", BOTH_CLOSE[1])
def test_the_cluster_lets_through_what_the_policy_does(variables: Any, word: str, flows: list[policy.Flow]) -> None:
    resolved = resolve(variables)
    found = resolved and rendered("cilium", resolved, word, KUBERNETES)
    if not found or resolved is None:
        return
    for flow in flows:
        check(
            resolved,
            found[1],
            lambda one: allows(found[0].data, one.address, str(one.protocol).upper(), one.port),
            flow,
        )


def test_an_empty_policy_closes_everything() -> None:
    found = object_of(egress_floor_without=["dns"])
    assert found["spec"]["egress"] == [{}]
    assert not allows(found, "203.0.113.7", "TCP", 443)


def test_a_name_is_open_and_its_answers_are_seen() -> None:
    found = object_of(egress_allow_app=[entry(to=[NAME, "203.0.113.0/24"])])
    assert allows(found, "198.51.100.7", "TCP", 443, NAME)
    assert allows(found, "203.0.113.7", "TCP", 443)
    assert not allows(found, "198.51.100.7", "TCP", 80, NAME)
    assert not allows(found, "198.51.100.7", "TCP", 443, f"www.{NAME}")
    (dns,) = [rule for rule in found["spec"]["egress"] if "toEndpoints" in rule]
    assert dns["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}


def test_without_dns_only_open_names_are_asked_for() -> None:
    found = object_of(egress_floor_without=["dns"], egress_allow_app=[entry(to=[NAME])])
    assert found["spec"]["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchName": NAME}]}


def test_never_closes_where_a_name_leads() -> None:
    written = entry(to=[NAME], services=["https", "http"])
    closed = [{"to": "cloud-metadata", "services": ["http"], "except_users": ["root"]}]
    found = object_of(egress_allow_app=[written], egress_never=closed)
    assert not allows(found, "169.254.169.254", "TCP", 80, NAME)
    assert allows(found, "169.254.169.254", "TCP", 443, NAME)
