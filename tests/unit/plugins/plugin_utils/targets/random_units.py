# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random policies as units of a target, and the sentence that must be true of every file:

it lets through what the policy lets through, except for the reported differences, and those are real.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    RenderedFile,
    Target,
    TargetDifference,
)
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
APPROXIMATIONS = ("", "wider", "narrower")
KUBERNETES = {"namespace": "shop", "labels": {"tier": "app"}}
"""egress_kubernetes of the units."""
_LEASES = (67, 547)
EVERYBODY = (*USERS, "www-data", None)


def _without_units(written: dict[str, Any]) -> dict[str, Any]:
    """What targets make of units is in test_policy_fit.py."""
    return {key: value for key, value in written.items() if key not in ("units", "except_units")}


policies = st.builds(
    lambda allow, base, never: policy_of("enforce", allow, base, never),
    st.lists(entries.map(_without_units), max_size=3),
    st.lists(entries.map(_without_units), max_size=2),
    st.lists(nevers.map(_without_units), max_size=2),
)
tried = st.lists(flows, min_size=4, max_size=16)
# A word opens no DNS, an address beside it does: flows that an entry opens anyway are no difference.
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
EXAMPLES = (
    BESIDE_A_WORD,
    UNDER_A_WORD,
    (BOTH_CLOSE[0], "narrower", BOTH_CLOSE[1]),
    (BOTH_CLOSE[0], "wider", BOTH_CLOSE[1]),
)
"""(variables, approximation, flows) that were wrong once."""
SOURCE = "10.0.0.77"
"""The address of the unit's host."""


@dataclass(frozen=True)
class Rendering:
    """A file of a target with every difference that was reported, and the policy that it is made from."""

    resolved: policy.ResolvedPolicy
    file: RenderedFile
    differences: tuple[TargetDifference, ...]


def rendering(
    target: Target, resolved: policy.ResolvedPolicy, approximate: str, settings: Mapping[str, Any] | None = None
) -> Rendering | None:
    """Return the rendering, by way of plain data as in a play; None where the target cannot express the policy."""
    variables: dict[str, Any] = {"egress_unit": "app"}
    if target.variable:
        variables[target.variable] = settings
    if approximate:
        variables["egress_approximate"] = {target.name: approximate}
    try:
        part = host_contribution.contribution(resolved, target, variables, addresses.parse(SOURCE))
        data = json.loads(json.dumps(part))
        file = render_units.rendered_file(target, "app", [data])
    except policy.PolicyErrors as raised:
        expected = [error for error in raised.errors if target.name in error.cause or "quota" in error.cause]
        if len(expected) < len(raised.errors):
            raise
        return None
    reported = tuple(read_difference(difference) for difference in data["differences"])
    return Rendering(resolved, file, reported + tuple(file.differences))


def resolve(variables: Mapping[str, Any]) -> policy.ResolvedPolicy | None:
    """Return the policy, None when it has errors, which other tests are about."""
    try:
        return policy.build(variables, INVENTORY, today=TODAY)
    except policy.PolicyErrors:
        return None


def check(rendered: Rendering, passes: Callable[[policy.Flow], bool], flow: policy.Flow) -> None:
    """Assert of one flow, as everybody who could send it, that the file does what the policy does or reports so.

    passes: what the enforcement point does with the file.
    """
    resolved, differences = rendered.resolved, rendered.differences
    flows = {user: replace(flow, user=user) for user in EVERYBODY}
    verdicts = {user: policy.decide(resolved, flows[user]) for user in EVERYBODY}
    let_through = {user: passes(flows[user]) for user in EVERYBODY}
    if any(let_through.values()):
        # No approximation opens what egress_never closes to everybody, be it by several elements together.
        assert {verdict.cause for verdict in verdicts.values()} != {"never"}, flow
    for user, verdict in verdicts.items():
        if verdict.cause == "floor" and (flow.protocol not in ("tcp", "udp") or flow.port in _LEASES):
            return  # The parts of the floor that are the host's own.
        if let_through[user] and not verdict.allowed:
            assert any(_about(difference, "wider", flow) for difference in differences), (flow, user)
        if verdict.allowed and not let_through[user]:
            assert any(_about(difference, "narrower", flow, user) for difference in differences), (flow, user)
    for difference in differences:
        # A reported difference is real: for some of its users, and because of the entry that it names.
        if _about(difference, "wider", flow):
            assert any(let_through.values()), (flow, difference)
            assert not all(_by(resolved, difference.entry, flow)[user] for user in EVERYBODY), (flow, difference)
        if _about(difference, "narrower", flow):
            assert any(_by(resolved, difference.entry, flow).values()), (flow, difference)


def _by(resolved: policy.ResolvedPolicy, name: str, flow: policy.Flow) -> dict[Any, bool]:
    """Return who may send the flow by one entry alone."""
    alone = replace(resolved, floor=(), entries=tuple(entry for entry in resolved.entries if entry.name == name))
    return {user: policy.decide(alone, replace(flow, user=user)).allowed for user in EVERYBODY}


def _about(difference: TargetDifference, direction: str, flow: policy.Flow, user: Any = ...) -> bool:
    version, value = addresses.parse_address(flow.address)
    number = flow.protocol if isinstance(flow.protocol, int) else services.PORT_PROTOCOLS.get(flow.protocol)
    if number is None:
        number = services.ICMP if version == 4 else services.ICMPV6
    inside = intervals.contains(difference.addresses.family(version), value) and difference.services.contains(
        number, flow.port or 0
    )
    mine = user is ... or difference.users is None or user in difference.users
    return difference.direction == direction and inside and mine
