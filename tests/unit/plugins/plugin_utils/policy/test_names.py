# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names as destinations: where they may stand, what they count as, and that no host silently opens nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)

NAME = "api.payments.example"
RESOLVER: dict[str, Any] = {"egress_names": "resolver", "egress_dns_servers": ["10.0.0.53"]}


def test_names_are_kept_in_one_form_each_once() -> None:
    written = ["API.Payments.example.", NAME, "203.0.113.7", "*.BÜCHER.example"]
    (resolved_entry,) = build(egress_allow_app=[entry(to=written)]).entries
    assert [(one.name, one.where) for one in resolved_entry.names] == [
        ("*.xn--bcher-kva.example", "egress_allow_app[api].to[3]"),
        (NAME, "egress_allow_app[api].to[1]"),
    ]
    assert resolved_entry.grants[0].addresses.cidrs() == ["203.0.113.7/32"]


@pytest.mark.parametrize("changes", [{}, RESOLVER])
def test_a_name_surely_opens_no_address(changes: dict[str, Any]) -> None:
    resolved = build(egress_allow_app=[entry(to=[NAME])], **changes)
    assert resolved.entries[0].grants == ()
    assert not allowed(resolved, "203.0.113.7", "tcp/443")
    assert resolved.reaching_internet() == ("api",)


@pytest.mark.parametrize(
    ("to", "changes", "message"),
    [
        (NAME, {}, f'"{NAME}": nobody opens names on this host. Fix: set egress_names: resolver, or periodic'),
        ("*.payments.example", {**RESOLVER, "egress_names": "periodic"}, "cannot ask for every name below another"),
    ],
)
def test_a_host_that_nobody_opens_names_on_says_where_and_which_ways_there_are(
    to: str, changes: dict[str, Any], message: str
) -> None:
    resolved = build(egress_allow_app=[entry(to=["203.0.113.7", to])], **changes)
    with pytest.raises(policy.PolicyErrors) as raised:
        compile_table(resolved)
    assert str(raised.value).startswith("egress_allow_app[api].to[1]: ")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("localhost", "is not a destination"),
        ("*", "is every name"),
        ("*.com", "is every name of a top-level domain"),
        (".co.uk", "is a public suffix"),
        ("co.uk", "is a public suffix"),
        ("api.*.example", "has a * that is not its whole first label"),
        ("-a.example", "has the label '-a'"),
        ("a..example", "has an empty label"),
        ("x" * 64 + ".example", "has a label of 64 characters"),
        ("203.0.113", "is not an IP address"),
    ],
)
def test_what_is_no_name_is_refused_with_its_reason(written: str, cause: str) -> None:
    (message,) = errors(egress_allow_app=[entry(to=[written])])
    assert message.startswith("egress_allow_app[api].to[0]: ")
    assert cause in message


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"egress_never": [{"to": [NAME]}]}, "egress_never[0].to[0]"),
        ({"egress_deny_quietly": [{"to": [NAME], "services": ["https"]}]}, "egress_deny_quietly[0].to[0]"),
        ({"egress_dns_servers": [NAME]}, "egress_dns_servers[0]"),
        ({"egress_allow_app": [entry(**{"except": [NAME]})]}, "egress_allow_app[api].except[0]"),
        (
            {"egress_inbound_allow": [{"name": "in", "from": [NAME], "services": ["ssh"]}]},
            "egress_inbound_allow[in].from[0]",
        ),
    ],
)
def test_names_stand_only_in_the_to_of_what_allows(variables: dict[str, Any], place: str) -> None:
    (message,) = errors(**variables)
    assert message.startswith(f'{place}: "{NAME}": a domain name is a destination of entries that allow, and not here')


def test_nothing_is_taken_out_of_a_name() -> None:
    (message,) = errors(egress_allow_app=[entry(to=[NAME], **{"except": ["203.0.113.7"]})])
    assert f"except cannot apply to {NAME}" in message


@pytest.mark.parametrize(
    ("tier", "changes", "cause"),
    [
        ("app", {}, None),
        ("app", {"to": ["*.payments.example"]}, None),
        (
            "app",
            {"services": ["ssh"]},
            f"tcp/22 to {NAME} is above the ceiling of tier app: services of class management never go outside",
        ),
        ("database", {}, f"{NAME} is outside egress_internal_networks, where tier database reaches nothing"),
        ("database", {"within": ["internal"]}, None),
        ("database", {"within": ["internal", "203.0.113.0/24"]}, "where tier database reaches nothing"),
        (
            "relay",
            {},
            f"tcp/443 to {NAME} is above the ceiling of tier relay: outside egress_internal_networks the tier may",
        ),
        (
            "exact",
            {"to": [NAME, ".payments.example"]},
            ".payments.example is above the ceiling of tier exact: outside egress_internal_networks it may name",
        ),
        ("exact", {}, None),
    ],
)
def test_a_name_counts_as_named_outside_or_where_it_is_bound_to(
    tier: str, changes: dict[str, Any], cause: str | None
) -> None:
    tiers = {"exact": {"extends": "app", "ceiling": {"external": {"wildcards": False}}}}
    written = entry(**{"to": [NAME], **changes})
    messages = errors(egress_tier=tier, egress_tiers=tiers, egress_allow_x=[written], **RESOLVER)
    assert [(cause or "no error") in one for one in messages] == ([True] if cause else [])


def test_the_base_has_only_names_that_are_bound_to_the_inside() -> None:
    (message,) = errors(egress_allow_base=[entry(to=[NAME])], **RESOLVER)
    assert f"{NAME} may be anywhere, and egress_allow_base stays inside egress_internal_networks" in message
    assert errors(egress_allow_base=[entry(to=[NAME], within=["10.1.0.0/16"])], **RESOLVER) == []


@pytest.mark.parametrize(
    ("changes", "fails_at"),
    [
        ({}, "10.20.0.1"),  # nobody knows what opens the name there
        (RESOLVER, None),
    ],
)
def test_a_name_leads_to_the_internet_where_a_host_bounds_it_else_anywhere(
    changes: dict[str, Any], fails_at: str | None
) -> None:
    unreachable = {"name": "closed", "not_reach": "hosts:database", "services": ["https"]}
    messages = errors(egress_allow_app=[entry(to=[NAME])], egress_tests_app=[unreachable], **changes)
    assert [f"everybody reaches {fails_at} with tcp/443 by the entry api" in one for one in messages] == (
        [True] if fails_at else []
    )


@pytest.mark.parametrize(
    ("test", "changes", "message"),
    [
        # What surely passes is nothing, what may pass is the internet.
        ({"reach": "1.1.1.1"}, {}, "not everybody reaches 1.1.1.1 with tcp/443"),
        ({"not_reach": "1.1.1.1"}, {}, "everybody reaches 1.1.1.1 with tcp/443 by the entry api"),
        ({"not_reach": "1.1.1.1"}, {"egress_never": [{"to": ["1.1.1.0/24"]}]}, None),
        ({"not_reach": "1.1.1.1"}, {"within": ["10.0.0.0/8"]}, None),
        ({"not_reach": "10.1.2.3"}, {"within": ["10.0.0.0/8"]}, "everybody reaches 10.1.2.3 with tcp/443 by"),
        ({"not_reach": "203.0.113.7"}, {}, None),  # documentation, so not of the internet
    ],
)
def test_reach_needs_what_surely_passes_and_not_reach_what_may(
    test: dict[str, Any], changes: dict[str, Any], message: str | None
) -> None:
    within = {key: value for key, value in changes.items() if key == "within"}
    others = {key: value for key, value in changes.items() if key != "within"}
    tests = [{"name": "t", "services": ["https"], **test}]
    messages = errors(egress_allow_app=[entry(to=[NAME], **within)], egress_tests_app=tests, **RESOLVER, **others)
    assert [(message or "") in one for one in messages] == ([True] if message else [])


@pytest.mark.parametrize(
    ("changes", "place", "cause"),
    [
        ({"to": ["203.0.113.7"], "within": ["10.0.0.0/8"]}, "within", "is about domain names, and to has none"),
        ({"to": ["203.0.113.7"], "keep": "ttl"}, "keep", "is about domain names, and to has none"),
        ({"to": [NAME], "within": ["any"]}, "within[0]", '"any" bounds no name'),
        ({"to": [NAME], "within": []}, "within", "is an empty list"),
        ({"to": [NAME], "keep": "always"}, "keep", 'unknown value "always"'),
    ],
)
def test_bounds_are_networks_of_names(changes: dict[str, Any], place: str, cause: str) -> None:
    (message,) = errors(egress_allow_app=[entry(**changes)], **RESOLVER)
    assert message.startswith(f"egress_allow_app[api].{place}: {cause}")


def test_a_list_that_others_fill_carries_its_names() -> None:
    prefix_list = feeds.PrefixListResult("partners", external=True, names=(NAME,))
    inventory = replace(INVENTORY, lists={"partners": prefix_list})
    written = [entry(to=["prefix_list:partners"])]
    resolved = build(inventory, egress_tier="build", egress_prefix_lists={"partners": {}}, egress_allow_app=written)
    (resolved_entry,) = (one for one in resolved.entries if one.name == "api")
    assert resolved_entry.feeding_names == (("partners", (NAME,)),)
    assert compile_table(resolved)["name"] == "tidegate"


def test_destinations_are_told_apart() -> None:
    written = entry(to=["hosts:database", "203.0.113.0/24"], **{"except": ["10.20.0.2"]})
    (resolved_entry,) = build(egress_allow_app=[written]).entries
    assert [(one.text, one.addresses.cidrs(), one.whole) for one in resolved_entry.destinations] == [
        ("hosts:database", ["10.20.0.1/32"], False),
        ("203.0.113.0/24", ["203.0.113.0/24"], True),
    ]


def test_approximate_is_wider_or_narrower() -> None:
    (resolved_entry,) = build(egress_allow_app=[entry(approximate="wider")]).entries
    assert resolved_entry.approximate == "wider"
    (error,) = errors(egress_allow_app=[entry(approximate="any")])
    assert error.startswith('egress_allow_app[api].approximate: unknown value "any"')


def test_most_that_names_open_is_the_internet_of_the_host() -> None:
    (resolved_entry,) = build(egress_allow_app=[entry(to=[NAME])], **RESOLVER).entries
    (grant,) = resolved_entry.by_name
    closed = ["10.0.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fd00::1"]
    for text in closed:
        assert not grant.addresses & addresses.parse(text), text
    assert grant.addresses & addresses.parse("1.1.1.1")


def test_a_platform_that_everybody_shares_is_named() -> None:
    resolved = build(egress_allow_app=[entry(to=["*.github.io", "mine.github.io"])], **RESOLVER)
    assert resolved.entries[0].shared == ("*.github.io",)
    (notice,) = (one for one in resolved.notices if one.kind == "shared")
    assert "*.github.io is a shared platform: anyone can host a service there" in notice.text


def test_names_that_a_host_leaves_out_are_named() -> None:
    resolved = build(egress_allow_app=[entry(to=["203.0.113.7", NAME], approximate="narrower")])
    (notice,) = (one for one in resolved.notices if one.kind == "names_left_out")
    assert notice.text == f"opens none of its names on this host: {NAME}"


@pytest.mark.parametrize(("resolving", "said"), [("only", True), ("observe", False), ("any", False)])
def test_a_wildcard_is_named_as_a_way_out_where_other_names_do_not_resolve(resolving: str, said: bool) -> None:
    changes = {**RESOLVER, "egress_dns_names": resolving}
    resolved = build(egress_allow_app=[entry(to=["*.payments.example", NAME])], **changes)
    texts = [one.text for one in resolved.notices if one.kind == "wildcard"]
    wild = "*.payments.example stays a way out through DNS, to whoever answers for these names"
    assert texts == ([wild] if said else [])
