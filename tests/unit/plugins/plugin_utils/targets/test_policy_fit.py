# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target cannot express is an error, or left out or opened as the user allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.fitting.fit import Fit
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Capabilities, FittedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.policy_fit import fitted as fitted_policy
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry

LISTS = replace(INVENTORY, lists={"partners": feeds.PrefixListResult("partners", external=True)})
FED: dict[str, Any] = {
    "egress_tier": "build",
    "egress_internal_services": [],
    "egress_prefix_lists": {"partners": {}},
    "egress_allow_app": [entry(name="partners", to=["prefix_list:partners"])],
}


def fitted(can: Capabilities, default: Any = "", inventory: Any = INVENTORY, **changes: Any) -> FittedPolicy:
    return fitted_policy(Fit(target="wall", can=can, resolved=build(inventory, **changes), default=default))


def opened(result: FittedPolicy) -> list[str]:
    return [opening.entry for opening in result.openings]


def test_named_servers_are_opened_where_the_floor_has_their_part_and_the_target_needs_it() -> None:
    servers = {"egress_dns_servers": ["10.0.0.53"], "egress_ntp_servers": ["10.0.0.123"]}
    assert opened(fitted(Capabilities(), **servers)) == ["egress_dns_servers", "egress_ntp_servers"]
    assert opened(fitted(Capabilities(), **servers, egress_floor_without=["dns"])) == ["egress_ntp_servers"]
    assert opened(fitted(Capabilities(floor=("dns",)), **servers)) == ["egress_dns_servers"]
    assert opened(fitted(Capabilities(floor=()), **servers)) == []


def test_servers_that_only_the_host_knows_are_a_notice() -> None:
    result = fitted(Capabilities(), egress_dns_servers=["auto"])
    assert opened(result) == []
    assert "only the host knows the servers that auto stands for" in result.notices[0]


def test_a_list_that_others_fill_is_opened_up_to_its_bound_or_not_at_all() -> None:
    with pytest.raises(policy.PolicyErrors, match="does not know the content of prefix_list:partners"):
        fitted(Capabilities(), inventory=LISTS, **FED)
    narrower = fitted(Capabilities(), "narrower", LISTS, **FED)
    assert "partners" not in opened(narrower)
    assert [difference.direction for difference in narrower.differences] == ["narrower"]
    wider = fitted(Capabilities(), "wider", LISTS, **FED)
    assert "partners" in opened(wider)
    assert [difference.direction for difference in wider.differences] == ["wider"]


def test_an_entry_for_containers_needs_a_target_that_distinguishes_them() -> None:
    inside: dict[str, Any] = {"egress_containers": True, "egress_allow_app": [entry(**{"for": ["containers"]})]}
    with pytest.raises(policy.PolicyErrors, match="wall cannot distinguish containers from their host"):
        fitted(Capabilities(), **inside)
    assert opened(fitted(Capabilities(), "narrower", **inside)) == []
    assert opened(fitted(Capabilities(), "wider", **inside)) == ["api"]
    exact = fitted(Capabilities(containers=True), **inside)
    assert (opened(exact), exact.differences) == (["api"], ())


UNITS: dict[str, Any] = {
    "egress_internal_services": [],
    "egress_allow_app": [entry(units=["agent.service"], users=["root"])],
}


def test_an_entry_for_units_needs_a_target_that_distinguishes_them() -> None:
    cause = "wall cannot distinguish the sockets of root in agent.service from others"
    with pytest.raises(policy.PolicyErrors, match=cause):
        fitted(Capabilities(user=True), **UNITS)
    narrower = fitted(Capabilities(user=True), "narrower", **UNITS)
    assert opened(narrower) == []
    assert [(each.direction, each.users) for each in narrower.differences] == [("narrower", ("root in agent.service",))]
    wider = fitted(Capabilities(user=True), "wider", **UNITS)
    assert (opened(wider), [each.direction for each in wider.differences]) == (["api"], ["wider"])
    exact = fitted(Capabilities(user=True, unit=True), **UNITS)
    assert (opened(exact), exact.differences) == (["api"], ())


def test_units_that_egress_never_excepts_need_a_target_that_distinguishes_them() -> None:
    closed: dict[str, Any] = {
        "egress_internal_services": [],
        "egress_allow_app": [entry()],
        "egress_never": [{"to": "203.0.113.0/25", "except_units": ["agent.service"]}],
    }
    with pytest.raises(policy.PolicyErrors, match="cannot distinguish agent\\.service, which egress_never excepts"):
        fitted(Capabilities(user=True), **closed)
    narrower, wider = (fitted(Capabilities(user=True), way, **closed) for way in ("narrower", "wider"))
    (opening,) = narrower.openings
    assert opening.addresses.cidrs() == ["203.0.113.128/25"]
    assert [(each.users, each.addresses.cidrs()) for each in narrower.differences] == [
        (("agent.service",), ["203.0.113.0/25"])
    ]
    assert [each.addresses.cidrs() for each in wider.openings] == [["203.0.113.0/24"]]
    assert [each.direction for each in wider.differences] == ["wider"]
