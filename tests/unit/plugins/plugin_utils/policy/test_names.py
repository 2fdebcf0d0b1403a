# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names as destinations: where they may stand, what they count as, and that no host silently opens nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    allowed,
    build,
    entry,
    errors,
)

NAME = "api.payments.example"


def test_names_are_kept_in_small_letters_each_once() -> None:
    resolved = build(egress_allow_app=[entry(to=["API.Payments.example.", NAME, "203.0.113.7"])])
    (resolved_entry,) = resolved.entries
    assert [(one.name, one.where) for one in resolved_entry.names] == [(NAME, "egress_allow_app[api].to[1]")]
    assert resolved_entry.grants[0].addresses.cidrs() == ["203.0.113.7/32"]


def test_a_name_opens_no_address_here() -> None:
    resolved = build(egress_allow_app=[entry(to=[NAME])])
    assert resolved.entries[0].grants == ()
    assert not allowed(resolved, "203.0.113.7", "tcp/443")
    assert resolved.reaching_internet() == ("api",)


@pytest.mark.parametrize("to", [[NAME], ["203.0.113.7", NAME], [NAME, "internal"]])
def test_a_host_refuses_an_entry_with_a_name_and_says_where(to: list[str]) -> None:
    resolved = build(egress_allow_app=[entry(to=to)])
    with pytest.raises(policy.PolicyErrors) as raised:
        compile_table(resolved)
    assert f'egress_allow_app[api].to[{to.index(NAME)}]: "{NAME}": domain names are not resolved' in str(raised.value)


@pytest.mark.parametrize(
    "written", ["localhost", "*.payments.example", "-a.example", "a..example", "x" * 64 + ".example"]
)
def test_what_is_no_whole_name_is_refused(written: str) -> None:
    (message,) = errors(egress_allow_app=[entry(to=[written])])
    assert message.startswith("egress_allow_app[api].to[0]: ")


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
    assert message.startswith(f'{place}: "{NAME}": domain names are not resolved')


def test_nothing_is_taken_out_of_a_name() -> None:
    (message,) = errors(egress_allow_app=[entry(to=[NAME], **{"except": ["203.0.113.7"]})])
    assert f"except cannot apply to {NAME}" in message


@pytest.mark.parametrize(
    ("tier", "services", "cause"),
    [
        ("app", ["https"], None),
        (
            "app",
            ["ssh"],
            f"tcp/22 to {NAME} is above the ceiling of tier app: services of class management never go outside",
        ),
        ("database", ["https"], f"{NAME} is outside egress_internal_networks, where tier database reaches nothing"),
        (
            "relay",
            ["https"],
            f"tcp/443 to {NAME} is above the ceiling of tier relay: outside egress_internal_networks the tier may",
        ),
    ],
)
def test_a_name_counts_as_named_and_outside(tier: str, services: list[str], cause: str | None) -> None:
    messages = errors(egress_tier=tier, egress_allow_x=[entry(to=[NAME], services=services)])
    assert [(cause or "no error") in one for one in messages] == ([True] if cause else [])


def test_the_base_has_no_names() -> None:
    (message,) = errors(egress_allow_base=[entry(to=[NAME])])
    assert f"{NAME} may be anywhere, and egress_allow_base stays inside egress_internal_networks" in message


def test_a_name_may_lead_anywhere() -> None:
    unreachable = {"name": "closed", "not_reach": "hosts:database", "services": ["https"]}
    (message,) = errors(egress_allow_app=[entry(to=[NAME])], egress_tests_app=[unreachable])
    assert "fails: everybody reaches 10.20.0.1 with tcp/443 by the entry api" in message


def test_a_list_that_others_fill_carries_its_names() -> None:
    listed = feeds.PrefixListResult("partners", external=True, names=(NAME,))
    inventory = replace(INVENTORY, lists={"partners": listed})
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
