# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CiliumNetworkPolicies: held against the policy by an evaluator of their own, names and what closes beside them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes import cilium
from ansible_collections.tidegate.nftables.tests.support.name_table import NAMES, asked
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.cilium_policy import allows
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import KUBERNETES

NAME = "api.payments.example"


def object_of(**changes: Any) -> dict[str, Any]:
    data = host_contribution.contribution(build(**changes), cilium.TARGET, {"egress_kubernetes": KUBERNETES}, NOTHING)
    (unit,) = render_units.render_units([data])
    rendered: dict[str, Any] = unit.data
    return rendered


def test_an_empty_policy_closes_everything() -> None:
    rendered = object_of(egress_floor_without=["dns"])
    assert rendered["spec"]["egress"] == [{}]
    assert not allows(rendered, "203.0.113.7", "TCP", 443)


def test_a_name_is_open_and_its_answers_are_seen() -> None:
    rendered = object_of(egress_allow_app=[entry(to=[NAME, "203.0.113.0/24"])])
    assert allows(rendered, "198.51.100.7", "TCP", 443, NAME)
    assert allows(rendered, "203.0.113.7", "TCP", 443)
    assert not allows(rendered, "198.51.100.7", "TCP", 80, NAME)
    assert not allows(rendered, "198.51.100.7", "TCP", 443, f"www.{NAME}")
    (dns,) = [rule for rule in rendered["spec"]["egress"] if "toEndpoints" in rule]
    assert dns["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}


@pytest.mark.parametrize("written", NAMES)
def test_a_pattern_opens_the_names_that_it_means(written: str) -> None:
    rendered = object_of(egress_allow_app=[entry(to=[written])])
    opened = [name for name in asked() if allows(rendered, "198.51.100.7", "TCP", 443, name)]
    assert opened == sorted(NAMES[written])


def test_without_dns_only_open_names_are_asked_for() -> None:
    rendered = object_of(egress_floor_without=["dns"], egress_allow_app=[entry(to=[NAME])])
    assert rendered["spec"]["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchName": NAME}]}


def test_never_closes_where_a_name_leads() -> None:
    written = entry(to=[NAME], services=["https", "http"])
    closed = [{"to": "cloud-metadata", "services": ["http"], "except_users": ["root"]}]
    rendered = object_of(egress_allow_app=[written], egress_never=closed)
    assert not allows(rendered, "169.254.169.254", "TCP", 80, NAME)
    assert allows(rendered, "169.254.169.254", "TCP", 443, NAME)


def test_never_with_services_that_ports_cannot_express_closes_every_port_beside_names() -> None:
    never = [{"to": "169.254.169.254", "services": ["icmp"]}, {"to": "203.0.113.9", "services": ["https"]}]
    policy_object = object_of(egress_allow_app=[entry(to=[NAME])], egress_never=never)
    icmp, https = policy_object["spec"]["egressDeny"]
    assert icmp == {"toCIDRSet": [{"cidr": "169.254.169.254/32"}]}
    assert https["toPorts"] == [{"ports": [{"port": "443", "protocol": "TCP"}]}]
