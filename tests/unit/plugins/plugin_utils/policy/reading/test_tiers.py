# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiers: what the shipped ones open by themselves, and a user's own."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    allowed,
    build,
    entry,
    errors,
)

OPEN = {
    "web": [("10.1.1.1", "tcp/80"), ("10.1.1.1", "tcp/443"), ("fd12:3456:789a::1", "tcp/443")],
    "app": [],
    "database": [],
    "bastion": [("10.1.1.1", "tcp/22"), ("fd12:3456:789a::1", "tcp/22")],
    "build": [("1.1.1.1", "tcp/80"), ("1.1.1.1", "tcp/443"), ("2606:4700::1111", "tcp/443")],
    "relay": [("1.1.1.1", "tcp/25")],
    "resolver": [("1.1.1.1", "udp/53"), ("1.1.1.1", "tcp/53"), ("1.1.1.1", "tcp/853")],
    "proxy": [("1.1.1.1", "tcp/80"), ("1.1.1.1", "tcp/443")],
}
TRIED = [
    (address, service)
    for address in ("10.1.1.1", "fd12:3456:789a::1", "1.1.1.1", "2606:4700::1111", "169.254.169.254", "192.168.0.1")
    for service in (
        "tcp/22",
        "tcp/25",
        "tcp/53",
        "udp/53",
        "tcp/80",
        "tcp/443",
        "udp/443",
        "tcp/853",
        "tcp/5432",
        "icmp",
    )
]
V6_TOO = {"1.1.1.1": "2606:4700::1111", "10.1.1.1": "fd12:3456:789a::1"}


@pytest.mark.parametrize("tier", datafiles.names("tiers"))
def test_a_tier_opens_exactly_its_own_entries(tier: str) -> None:
    resolved = build(egress_tier=tier)
    expected = {*OPEN[tier], *((V6_TOO[address], service) for address, service in OPEN[tier] if address in V6_TOO)}
    assert {flow for flow in TRIED if allowed(resolved, *flow)} == expected


def test_internal_services_replace_those_of_the_tier() -> None:
    resolved = build(egress_tier="web", egress_internal_services=["https"])
    assert allowed(resolved, "10.1.1.1", "tcp/443")
    assert not allowed(resolved, "10.1.1.1", "tcp/80")


def test_an_empty_list_of_internal_services_is_no_entry() -> None:
    assert build(egress_tier="web", egress_internal_services=[]).entries == ()


def test_internal_services_are_read_where_they_are_written() -> None:
    messages = errors(egress_internal_services=["https", "htps"])
    assert messages == ['egress_internal_services[1]: "htps" is not a service. Did you mean https?']


def test_a_tier_is_needed() -> None:
    messages = errors(egress_tier=...)
    assert messages == [
        "egress_tier: is not set. Fix: name a tier: web, app, database, bastion, build or one of your own"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("databse", "Did you mean database?"),
        ("db", "Did you mean database?"),
        (5, 'unknown tier "5"'),
        (["web"], "unknown tier \"['web']\""),
    ],
)
def test_an_unknown_tier(name: Any, message: str) -> None:
    (error,) = errors(egress_tier=name)
    assert message in error


def test_a_tier_of_ones_own_extends_another() -> None:
    own = {
        "edge": {"extends": "web", "internal_services": ["ldaps"]},
        "edge-mail": {"extends": "edge", "allow": [entry(name="mx", to="10.9.9.9", services=["smtp"])]},
    }
    resolved = build(egress_tier="edge-mail", egress_tiers=own)
    assert resolved.tier == "edge-mail"
    assert allowed(resolved, "10.1.1.1", "tcp/636")
    assert allowed(resolved, "10.9.9.9", "tcp/25")
    assert not allowed(resolved, "10.1.1.1", "tcp/443")


def test_entries_of_a_tier_replace_those_of_the_tier_that_it_extends() -> None:
    own = {"ci": {"extends": "build", "allow": [entry(name="mirror", to="192.0.2.7", services=["https"])]}}
    resolved = build(egress_tier="ci", egress_tiers=own)
    assert allowed(resolved, "192.0.2.7", "tcp/443")
    assert not allowed(resolved, "1.1.1.1", "tcp/443")
    assert build(egress_tier="ci", egress_tiers={"ci": {"extends": "build", "allow": []}}).entries == ()
    assert allowed(build(egress_tier="ci", egress_tiers={"ci": {"extends": "build"}}), "1.1.1.1", "tcp/443")


def test_a_shipped_tier_can_be_changed_by_extending_itself() -> None:
    resolved = build(egress_tier="web", egress_tiers={"web": {"extends": "web", "internal_services": ["ldaps"]}})
    assert allowed(resolved, "10.1.1.1", "tcp/636")
    assert errors(egress_tier="web", egress_tiers={"web": {"extends": "web"}}, egress_allow_x=[entry(to="any")])


def test_one_side_of_a_ceiling_can_be_changed_alone() -> None:
    own = {"edge": {"extends": "app", "ceiling": {"external": {"services": ["https"]}}}}
    inside = entry(name="b", to="10.1.1.1", services=["ssh"])
    assert errors(egress_tier="edge", egress_tiers=own, egress_allow_app=[entry(), inside]) == []
    messages = errors(egress_tier="edge", egress_tiers=own, egress_allow_app=[entry(services=["http"])])
    assert "tcp/80 to 203.0.113.0" in messages[0]
    messages = errors(egress_tier="edge", egress_tiers=own, egress_allow_app=[entry(to="internet")])
    assert "may name prefixes of /12 or longer" in messages[0]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"x": {"extends": "ap"}}, 'egress_tiers.x.extends: unknown tier "ap". Did you mean app?'),
        ({"x": {"extends": "y"}, "y": {"extends": "x"}}, "extend each other in a circle"),
        ({"x": {}}, "egress_tiers.x: has no ceiling. Fix: write one, or extends:"),
        ({"x": {"extend": "app"}}, 'egress_tiers.x: unknown key "extend". Did you mean extends?'),
        ({"x": ["app"]}, "egress_tiers.x: \"['app']\" is not a mapping"),
        ({0: {"extends": "app"}}, 'egress_tiers: YAML reads "0" as a number. Fix: write it in quotes'),
        (["x"], "egress_tiers: is not a mapping. Fix: write NAME: {extends: app, …}"),
        ({"x": {"extends": "app", "ceiling": {"outside": {}}}}, 'egress_tiers.x.ceiling: unknown key "outside"'),
        ({"x": {"extends": "app", "ceiling": {"external": {"service": []}}}}, "Did you mean services?"),
        ({"x": {"extends": "app", "ceiling": {"external": {"any": "yes"}}}}, "is neither true nor false"),
        ({"x": {"extends": "app", "ceiling": {"external": {"never": ["managment"]}}}}, "Did you mean management?"),
        (
            {"x": {"extends": "app", "ceiling": {"external": {"widest": {"ipv4": 33}}}}},
            "is not a prefix length. Fix: write a number from 0 to 32",
        ),
        ({"x": {"extends": "app", "allow": [entry(to="intrenal")]}}, "egress_tiers.x.allow[api].to: "),
    ],
)
def test_a_mistake_in_own_tiers_is_found_where_it_is_written(own: Any, message: str) -> None:
    assert any(message in error for error in errors(egress_tier="x", egress_tiers=own))


def test_a_tier_without_a_side_in_its_ceiling_reaches_nothing_there() -> None:
    own = {"x": {"ceiling": {"internal": {"services": ["https"]}}}}
    messages = errors(egress_tier="x", egress_tiers=own, egress_allow_app=[entry()])
    assert "203.0.113.0 is outside egress_internal_networks, where tier x reaches nothing" in messages[0]
