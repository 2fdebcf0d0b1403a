# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies as units of a target, and the one sentence that must be true of each rendered thing:

it lets through what the policy lets through, but for the differences that were stated, and those are real.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import RenderedFile, TargetDifference
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.serialise import read_difference
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_property import (
    GROUPS,
    HOSTS,
    LISTS,
    TODAY,
    USERS,
    entries,
    flows,
    listed,
    nevers,
    policy_of,
)

INVENTORY = FixedInventory("app1", GROUPS, HOSTS, {name: listed(name) for name in LISTS})
WORDS = ("", "wider", "narrower")
KUBERNETES = {"namespace": "shop", "labels": {"tier": "app"}}
"""egress_kubernetes of the units."""
EVERYBODY = (*USERS, "www-data", None)
policies = st.builds(
    lambda allow, base, never: policy_of("enforce", allow, base, never),
    st.lists(entries, max_size=3),
    st.lists(entries, max_size=2),
    st.lists(nevers, max_size=2),
)
tried = st.lists(flows, min_size=4, max_size=16)
# A word opens no DNS, an address beside it does: what is opened anyhow is no difference.
BESIDE_A_WORD = (
    policy_of("enforce", [{"to": ["10.0.0.1", "internal", "internet"], "services": ["any"]}], [], []),
    "wider",
    [policy.Flow("10.0.0.1", "tcp", 53, "payd"), policy.Flow("1.1.1.1", "tcp", 53), policy.Flow("10.0.0.2", "udp", 53)],
)
UNDER_A_WORD = (
    policy_of("enforce", [], [{"to": ["internal", "10.0.0.0/24"], "services": ["any"], "except": ["10.0.0.1"]}], []),
    "wider",
    [
        policy.Flow("10.0.0.2", "tcp", 853, "payd"),
        policy.Flow("10.0.0.1", "tcp", 53),
        policy.Flow("10.0.1.1", "udp", 53),
    ],
)
# Each of two closes to the users of the other, so that nobody is left whom a target would have to tell from others.
BOTH_CLOSE = (
    policy_of(
        "enforce",
        [],
        [{"to": ["10.0.0.1", "fd00::1"], "services": ["any"]}],
        [{"to": ["fd00::1"], "except_users": ["payd"]}, {"to": ["10.0.0.0/24", "fd00::1"], "except_users": ["0"]}],
    ),
    [
        policy.Flow("fd00::1", "tcp", 80, "payd"),
        policy.Flow("fd00::1", "tcp", 80, "0"),
        policy.Flow("10.0.0.1", "tcp", 80),
    ],
)
Evaluate = Callable[[Any, policy.Flow], bool]


def rendered(
    name: str, resolved: policy.ResolvedPolicy, word: str, settings: Mapping[str, Any] | None = None
) -> tuple[RenderedFile, list[TargetDifference]] | None:
    """What a target makes of a policy, by way of plain data as in a play; None when it cannot say it."""
    target = registry.target(name)
    variables: dict[str, Any] = {"egress_unit": "app"}
    if target.variable:
        variables[target.variable] = settings
    if word:
        variables["egress_approximate"] = {name: word}
    try:
        data = json.loads(
            json.dumps(host_contribution.contribution(resolved, target, variables, addresses.parse("10.0.0.77")))
        )
        assert target.render is not None
        found = target.render(render_units.unit_of("app", [data]))
    except policy.PolicyErrors as raised:
        unsaid = [error for error in raised.errors if name in error.cause or "quota" in error.cause]
        if len(unsaid) < len(raised.errors):
            raise
        return None
    return found, [read_difference(one) for one in data["differences"]] + list(found.differences)


def resolve(variables: Mapping[str, Any]) -> policy.ResolvedPolicy | None:
    """The policy; None when it is wrong, which is tried elsewhere."""
    try:
        return policy.build(variables, INVENTORY, today=TODAY)
    except policy.PolicyErrors:
        return None


def check(
    resolved: policy.ResolvedPolicy,
    differences: Sequence[TargetDifference],
    passes: Callable[[policy.Flow], bool],
    flow: policy.Flow,
) -> None:
    """One flow, as everybody who could send it."""
    let_through = passes(flow)
    if let_through:
        # No approximation opens what egress_never closes to everybody, be it by several together.
        causes = {policy.decide(resolved, replace(flow, user=user)).cause for user in EVERYBODY}
        assert causes != {"never"}, flow
    for user in EVERYBODY:
        verdict = policy.decide(resolved, replace(flow, user=user))
        if verdict.cause == "floor" and flow.protocol not in ("tcp", "udp"):
            return  # The parts of the floor that are the host's own.
        if let_through and not verdict.allowed:
            assert any(_about(one, "wider", flow) for one in differences), (flow, user)
        if verdict.allowed and not let_through:
            assert any(_about(one, "narrower", flow, user) for one in differences), (flow, user)
    for one in differences:
        # What is said to differ does: for some of those whom it is about, and because of the entry that it names.
        if _about(one, "wider", flow):
            assert let_through, (flow, one)
            assert not all(_by(resolved, one.entry, flow)[user] for user in EVERYBODY), (flow, one)
        if _about(one, "narrower", flow):
            assert any(_by(resolved, one.entry, flow).values()), (flow, one)


def _by(resolved: policy.ResolvedPolicy, name: str, flow: policy.Flow) -> dict[Any, bool]:
    """Who may by one entry alone."""
    alone = replace(resolved, floor=(), entries=tuple(entry for entry in resolved.entries if entry.name == name))
    return {user: policy.decide(alone, replace(flow, user=user)).allowed for user in EVERYBODY}


def _about(one: TargetDifference, direction: str, flow: policy.Flow, user: Any = ...) -> bool:
    version, value = addresses.parse_address(flow.address)
    number = flow.protocol if isinstance(flow.protocol, int) else services.PORT_PROTOCOLS.get(flow.protocol)
    if number is None:
        number = services.ICMP if version == 4 else services.ICMPV6
    inside = intervals.contains(one.addresses.family(version), value) and one.services.contains(number, flow.port or 0)
    mine = user is ... or one.users is None or user in one.users
    return one.direction == direction and inside and mine


__all__ = ["BESIDE_A_WORD", "BOTH_CLOSE", "UNDER_A_WORD", "WORDS", "check", "policies", "rendered", "resolve", "tried"]
