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
RAISE = "move the entry to egress_ceiling_raise_TOPIC with reason, owner and review_by"
NARROWER = f"Fix: name narrower networks, or {RAISE}"
REMOVE = f"Fix: remove it, or {RAISE}"
NAMED_OUTSIDE = "outside your networks it may name prefixes of"


def above(tier: str, **written: Any) -> list[str]:
    return errors(egress_tier=tier, egress_allow_x=[entry(**written)])


@pytest.mark.parametrize("tier", ["web", "app"])
@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("any", ".to: any is too wide for tier {tier}: {named} /12 or longer"),
        ("internet", ".to: internet is too wide for tier {tier}: {named} /12 or longer"),
        ("0.0.0.0/0", ".to: 0.0.0.0/0 is too wide for tier {tier}: {named} /12 or longer"),
        (["0.0.0.0/1", "128.0.0.0/1"], ".to[0]: 0.0.0.0/1 is too wide for tier {tier}: {named} /12 or longer"),
        (["203.0.113.0/24", "64.0.0.0/8"], ".to[1]: 64.0.0.0/8 is too wide for tier {tier}: {named} /12 or longer"),
        (
            ["64.0.0.0/13", "203.0.113.0/24", "64.8.0.0/13", "64.16.0.0/12"],
            (
                ": 64.0.0.0/13, 64.8.0.0/13 and 64.16.0.0/12 together make 64.0.0.0/11, which is too wide "
                "for tier {tier}: "
                "{named} /12 or longer"
            ),
        ),
        ("2000::/3", ".to: 2000::/3 is too wide for tier {tier}: {named} /24 or longer"),
        # An IPv6 network that the network may translate to all of IPv4.
        (
            "64:ff9b::/96",
            (
                ".to: 64:ff9b::/96 is too wide for tier {tier}: it stands for IPv4 addresses, and outside "
                "your networks "
                "the tier may name prefixes of /12 or longer"
            ),
        ),
    ],
)
def test_web_and_app_name_their_destinations_outside(tier: str, to: Any, message: str) -> None:
    expected = message.format(tier=tier, named=NAMED_OUTSIDE)
    assert above(tier, to=to) == [f"egress_allow_x[api]{expected}. {NARROWER}"]


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
    (message,) = above("app", services=[service])
    assert message.startswith("egress_allow_x[api]: tcp/")
    assert message.endswith(
        " to 203.0.113.0 is above the ceiling of tier app: services of class management never go outside "
        f"egress_internal_networks. {REMOVE}"
    )


def test_pieces_of_several_entries_are_seen_together() -> None:
    halves = [entry(name=f"part-{number}", to=f"64.{number * 16}.0.0/12") for number in range(2)]
    assert errors(egress_allow_x=halves) == [
        (
            "egress_allow_x[part-0]: part-0 and part-1 together make 64.0.0.0/11, which is too wide for tier app: "
            f"{NAMED_OUTSIDE} /12 or longer. Fix: name fewer or narrower networks, or move an entry to "
            "egress_ceiling_raise_TOPIC with reason, owner and review_by"
        )
    ]


def test_pieces_that_do_not_touch_are_counted() -> None:
    pieces = [entry(name=f"part-{number}", to=f"{number}.0.0.0/12") for number in range(64, 81)]
    assert errors(egress_allow_x=pieces) == [
        (
            "egress_allow_x[part-64]: part-64, part-65, part-66, part-67 and 13 more entries together open more IPv4 "
            "addresses than one /8 has, the most that tier app may open outside your networks. Fix: "
            "name fewer or narrower "
            "networks, or move an entry to egress_ceiling_raise_TOPIC with reason, owner and review_by"
        )
    ]
    assert errors(egress_allow_x=pieces[:16]) == []
    (message,) = errors(egress_allow_x=[entry(to=[f"{number}.0.0.0/12" for number in range(64, 81)])])
    assert message.startswith("egress_allow_x[api]: api opens more IPv4 addresses than one /8 has, the most that")


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
    cause = f"{first} is outside egress_internal_networks, where tier database reaches nothing"
    assert above("database", to=to) == [f"egress_allow_x[api]: {cause}. {REMOVE}"]


def test_a_database_may_speak_anything_inside_and_its_multicast() -> None:
    assert above("database", to=["10.0.0.0/8", "224.0.0.18", "ff02::12"], services=["postgresql", "vrrp", "ssh"]) == []


def test_a_bastion_speaks_only_ssh_and_only_inside() -> None:
    assert above("bastion", to="10.1.1.1", services=["ssh"]) == []
    cause = (
        "{to} is above the ceiling of tier bastion: inside egress_internal_networks the tier may not use this service"
    )
    assert above("bastion", to="10.1.1.1", services=["ssh", "https"]) == [
        f"egress_allow_x[api]: tcp/443 to {cause.format(to='10.1.1.1')}. {REMOVE}"
    ]
    (message,) = above("bastion", services=["ssh"])
    assert "203.0.113.0 is outside" in message
    (message,) = errors(egress_tier="bastion", egress_internal_services=["ssh", "https"])
    assert message == f"egress_internal_services: tcp/443 to {cause.format(to='10.0.0.0')}. {REMOVE}"


@pytest.mark.parametrize(("to", "services"), [("internet", ["ssh", "git", "any"]), ("10.1.1.0/24", ["https"])])
def test_build_may_have_the_internet_and_names_the_inside(to: Any, services: Any) -> None:
    assert above("build", to=to, services=services) == []


@pytest.mark.parametrize(
    ("to", "longest"), [("internal", 24), ("any", 24), ("10.1.0.0/16", 24), ("fd12:3456:789a::/56", 64)]
)
def test_build_never_has_the_whole_inside(to: str, longest: int) -> None:
    cause = f"{to} is too wide for tier build: inside your networks it may name prefixes of /{longest} or longer"
    assert above("build", to=to) == [f"egress_allow_x[api].to: {cause}. {NARROWER}"]


def test_build_never_has_unrouted_networks_as_internet() -> None:
    assert above("build", to="172.16.0.0/12") == [
        (
            "egress_allow_x[api].to: 172.16.0.0/12 is too wide for tier build: outside your networks "
            "and the internet it "
            f"may name prefixes of /24 or longer. {NARROWER}"
        )
    ]


def test_any_of_a_tier_that_may_have_the_internet_says_what_is_not_the_internet() -> None:
    ceiling = {"external": {"services": ["https"], "any": True}, "internal": {"services": ["https"], "any": True}}
    edge = {"egress_tier": "edge", "egress_tiers": {"edge": {"ceiling": ceiling}}}
    assert errors(**edge, egress_allow_x=[entry(to="internet")]) == []
    assert errors(**edge, egress_allow_x=[entry(to="any")]) == [
        (
            "egress_allow_x[api].to: any is too wide for tier edge: it includes 0.0.0.0/8, and outside "
            "your networks and the "
            f"internet the tier may name single addresses only. Fix: write internet in place of any, or {RAISE}"
        )
    ]


def test_base_stays_inside_but_speaks_what_it_wants() -> None:
    assert errors(egress_tier="bastion", egress_allow_base=[entry(to="10.1.1.1", services=["https"])]) == []
    (message,) = errors(egress_allow_base=[entry(to=["10.1.1.1", "203.0.113.0/24"])])
    assert message == (
        "egress_allow_base[api]: 203.0.113.0 is outside egress_internal_networks, and egress_allow_base stays inside. "
        "Fix: move the entry to egress_allow_TOPIC of the groups that need it"
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
    (message,) = errors(egress_tier="database", egress_ceiling_raise_x=[entry(**{**RAISED, missing: ...})])
    assert message == f"egress_ceiling_raise_x[api]: {missing} is missing"


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
