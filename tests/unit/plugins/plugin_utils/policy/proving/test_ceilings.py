# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceilings: what each tier can never exceed, alone or in pieces, and the one way over."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    allowed,
    build,
    entry,
    errors,
)

RAISED = {"reason": "CHG-1", "owner": "security", "review_by": "2027-06-30"}


def above(tier: str, **written: Any) -> list[str]:
    return errors(egress_tier=tier, egress_allow_x=[entry(**written)])


@pytest.mark.parametrize("tier", ["web", "app"])
@pytest.mark.parametrize(
    ("to", "first"),
    [
        ("any", "0.0.0.0 begins 0.0.0.0/5"),
        ("internet", "1.0.0.0 begins"),
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0 begins"),
        (["64.0.0.0/8"], "64.0.0.0 begins 64.0.0.0/8"),
        (["64.0.0.0/13", "64.8.0.0/13", "64.16.0.0/12"], "64.0.0.0 begins 64.0.0.0/11"),
        ("2000::/3", "2000:: begins 2000::/3"),
        # An IPv6 network that the network may translate to all of IPv4.
        ("64:ff9b::/96", "0.0.0.0 begins"),
    ],
)
def test_web_and_app_name_their_destinations_outside(tier: str, to: Any, first: str) -> None:
    (found,) = above(tier, to=to)
    assert found.startswith(f"egress_allow_x[api]: is above the ceiling of tier {tier}: {first}")
    assert "outside egress_internal_networks the tier reaches only what it names" in found
    assert "move the entry to egress_ceiling_raise_TOPIC with reason, owner and review_by" in found


@pytest.mark.parametrize("tier", ["web", "app"])
@pytest.mark.parametrize(
    ("to", "services"),
    [
        ("internal", "any"),
        (["203.0.113.0/24", "2001:db8::/48"], ["https", "tcp/8443"]),
        (["104.16.0.0/13", "172.64.0.0/13", "2400:cb00::/32"], ["https"]),
        ("169.254.169.254", ["http"]),
        ("hosts:mirror", ["ssh"]),
        ("multicast", ["mdns"]),
    ],
)
def test_web_and_app_may(tier: str, to: Any, services: Any) -> None:
    assert above(tier, to=to, services=services) == []


@pytest.mark.parametrize("service", ["ssh", "rdp", "any", "tcp/22", "tcp/1-1024", "proto/6"])
def test_management_never_leaves_web_and_app(service: str) -> None:
    (found,) = above("app", services=[service])
    assert "203.0.113.0 with tcp/" in found
    assert "services of class management never go outside egress_internal_networks" in found


def test_pieces_of_several_entries_are_seen_together() -> None:
    halves = [entry(name=f"part-{number}", to=f"64.{number * 16}.0.0/12") for number in range(2)]
    (found,) = errors(egress_allow_x=halves)
    assert found.startswith(
        "egress_allow_x[part-0]: part-0, part-1 together are above the ceiling of tier app: "
        "64.0.0.0 begins 64.0.0.0/11, wider than /12, outside egress_internal_networks; "
    )


def test_pieces_that_do_not_touch_are_counted() -> None:
    pieces = [entry(name=f"part-{number}", to=f"{number}.0.0.0/12") for number in range(64, 81)]
    (found,) = errors(egress_allow_x=pieces)
    assert "from 64.0.0.0 on they are more IPv4 addresses than a /8 has" in found
    assert errors(egress_allow_x=pieces[:16]) == []


@pytest.mark.parametrize(
    ("to", "first"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("any", "0.0.0.0"),
        ("internet", "1.0.0.0"),
        (["10.1.1.1", "192.168.1.0/24"], "192.168.1.0"),
        ("2001:db8::1", "2001:db8::1"),
        ("cloud-metadata", "100.100.100.200"),
    ],
)
def test_a_database_never_leaves_the_inside(to: Any, first: str) -> None:
    (found,) = above("database", to=to)
    assert f"{first} is outside egress_internal_networks, where the tier reaches nothing" in found


def test_a_database_may_speak_anything_inside_and_its_multicast() -> None:
    assert above("database", to=["10.0.0.0/8", "224.0.0.18", "ff02::12"], services=["postgresql", "vrrp", "ssh"]) == []


def test_a_bastion_speaks_only_ssh_and_only_inside() -> None:
    assert above("bastion", to="10.1.1.1", services=["ssh"]) == []
    (found,) = above("bastion", to="10.1.1.1", services=["ssh", "https"])
    assert "10.1.1.1 with tcp/443; inside egress_internal_networks the tier speaks no such service" in found
    (found,) = above("bastion", services=["ssh"])
    assert "203.0.113.0 is outside" in found
    (found,) = errors(egress_tier="bastion", egress_internal_services=["ssh", "https"])
    assert found.startswith("egress_internal_services: is above the ceiling of tier bastion: 10.0.0.0 with tcp/443")


@pytest.mark.parametrize(("to", "services"), [("internet", ["ssh", "git", "any"]), ("10.1.1.0/24", ["https"])])
def test_build_may_have_the_internet_and_names_the_inside(to: Any, services: Any) -> None:
    assert above("build", to=to, services=services) == []


@pytest.mark.parametrize(
    ("to", "first"),
    [("internal", "10.0.0.0"), ("any", "10.0.0.0"), ("10.1.0.0/16", "10.1.0.0"), ("fd12:3456:789a::/56", "fd12:")],
)
def test_build_never_has_the_whole_inside(to: Any, first: str) -> None:
    (found,) = above("build", to=to)
    assert f"ceiling of tier build: {first}" in found
    assert "inside egress_internal_networks the tier reaches only what it names" in found


def test_build_never_has_unrouted_networks_as_internet() -> None:
    (found,) = above("build", to="172.16.0.0/12")
    assert "172.16.0.0 begins 172.16.0.0/12" in found


def test_base_stays_inside_but_speaks_what_it_wants() -> None:
    assert errors(egress_tier="bastion", egress_allow_base=[entry(to="10.1.1.1", services=["https"])]) == []
    (found,) = errors(egress_allow_base=[entry(to=["10.1.1.1", "203.0.113.0/24"])])
    assert found == (
        "egress_allow_base[api]: egress_allow_base stays inside egress_internal_networks, and 203.0.113.0 is not; "
        "move the entry to the list of the groups that need it"
    )


def test_base_counts_for_nothing_that_the_tier_must_name() -> None:
    pieces = [entry(name=f"part-{number}", to=f"10.{number}.0.0/16") for number in range(4)]
    assert errors(egress_tier="build", egress_allow_base=pieces) == []
    assert errors(egress_tier="build", egress_allow_x=pieces)


def test_a_raise_goes_over_the_ceiling() -> None:
    resolved = build(egress_tier="database", egress_ceiling_raise_x=[entry(**RAISED)])
    assert allowed(resolved, "203.0.113.1", "tcp/443")
    assert resolved.entries[0].kind == "raise"


@pytest.mark.parametrize("missing", ["reason", "owner", "review_by"])
def test_a_raise_needs_reason_owner_and_review_by(missing: str) -> None:
    (found,) = errors(egress_tier="database", egress_ceiling_raise_x=[entry(**{**RAISED, missing: ...})])
    assert found == f"egress_ceiling_raise_x[api]: {missing} is missing"


def test_never_closes_even_what_was_raised() -> None:
    resolved = build(
        egress_tier="database", egress_never=[{"to": "203.0.113.0/25"}], egress_ceiling_raise_x=[entry(**RAISED)]
    )
    assert not allowed(resolved, "203.0.113.1", "tcp/443")
    assert allowed(resolved, "203.0.113.200", "tcp/443")


def test_without_internal_networks_private_ones_stand_in_for_the_ceiling() -> None:
    observed = {"egress_mode": "observe", "egress_internal_networks": ..., "egress_tier": "database"}
    assert errors(**observed, egress_allow_x=[entry(to=["192.168.1.1", "fd00::1"])]) == []
    assert "203.0.113.0 is outside" in errors(**observed, egress_allow_x=[entry()])[0]


def test_a_translated_destination_is_held_to_the_ceiling_of_its_ipv4_address() -> None:
    nat64 = {"egress_nat64_prefix": "2001:db8:64::/96", "egress_tier": "database"}
    assert errors(**nat64, egress_allow_x=[entry(to="10.1.1.1")]) == []
    assert errors(**nat64, egress_allow_x=[entry(to="2001:db8:64::a01:101")]) == []
    assert "203.0.113.0 is outside" in errors(**nat64, egress_allow_x=[entry()])[0]
