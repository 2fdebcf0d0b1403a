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
    is_of,
    listed,
    nevers,
    policy_of,
)

INVENTORY = FixedInventory("app1", GROUPS, HOSTS, {name: listed(name) for name in LISTS})
APPROXIMATIONS = ("", "wider", "narrower")
KUBERNETES = {"namespace": "shop", "labels": {"tier": "app"}}
"""egress_kubernetes of the units."""
_LEASES = (67, 547)
SOMEBODY = (*USERS, "www-data")
UNITS = ("nginx.service", "restic@.service", "batch.slice")
PLACES = (
    ("system.slice", "nginx.service"),
    ("batch.slice", "nginx.service"),
    ("batch.slice", "batch-night.slice", "restic@home.service"),
    ("system.slice", "other.service"),
)
"""Where sockets are: in each of UNITS, in two at once, in none."""
Sender = tuple[str | None, tuple[str, ...]]
"""A user, and the units that a socket is in."""


def _policies(units: st.SearchStrategy[list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    """Random policies. units: lists for their entries and exceptions, [] for none."""

    def about(key: str, written: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        return st.builds(
            lambda each, listed: {name: value for name, value in {**each, key: listed}.items() if value},
            written,
            units,
        )

    allowed, closed = about("units", entries), about("except_units", nevers)
    return st.builds(
        lambda allow, base, never: policy_of("enforce", allow, base, never),
        st.lists(allowed, max_size=3),
        st.lists(allowed, max_size=2),
        st.lists(closed, max_size=2),
    )


policies = _policies(st.just([]))
policies_with_units = _policies(st.lists(st.sampled_from(UNITS), max_size=2, unique=True))
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
# What is closed to all but units that the entry is not for, is open to nobody by the entry.
CLOSED_TO_ITS_UNIT = (
    policy_of(
        "enforce",
        [],
        [{"to": ["203.0.113.0/24"], "services": ["any"], "units": ["nginx.service"]}],
        [{"to": ["203.0.113.0/24"], "except_units": ["restic@.service"]}],
    ),
    [policy.Flow("203.0.113.7", "udp", 67), policy.Flow("203.0.113.7", "tcp", 443)],
)
EXAMPLES = (
    BESIDE_A_WORD,
    UNDER_A_WORD,
    (BOTH_CLOSE[0], "narrower", BOTH_CLOSE[1]),
    (BOTH_CLOSE[0], "wider", BOTH_CLOSE[1]),
    (CLOSED_TO_ITS_UNIT[0], "narrower", CLOSED_TO_ITS_UNIT[1]),
    (CLOSED_TO_ITS_UNIT[0], "wider", CLOSED_TO_ITS_UNIT[1]),
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
    flows = _as_everybody(resolved, flow)
    verdicts = {sender: policy.decide(resolved, each) for sender, each in flows.items()}
    let_through = {sender: passes(each) for sender, each in flows.items()}
    if any(let_through.values()):
        # No approximation opens what egress_never closes to everybody, be it by several elements together.
        assert {verdict.cause for verdict in verdicts.values()} != {"never"}, flow
    for sender, verdict in verdicts.items():
        if verdict.cause == "floor" and (flow.protocol not in ("tcp", "udp") or flow.port in _LEASES):
            return  # The parts of the floor that are the host's own.
        if let_through[sender] and not verdict.allowed:
            assert any(_about(difference, "wider", flow) for difference in differences), (flow, sender)
        if verdict.allowed and not let_through[sender]:
            assert any(_about(difference, "narrower", flow, sender) for difference in differences), (flow, sender)
    for difference in differences:
        # A reported difference is real: for some of its senders, and because of the entry that it names.
        if _about(difference, "wider", flow):
            assert any(let_through.values()), (flow, difference)
            assert not all(_by(resolved, difference.entry, flow)), (flow, difference)
        if _about(difference, "narrower", flow):
            assert any(_by(resolved, difference.entry, flow)), (flow, difference)


def _as_everybody(resolved: policy.ResolvedPolicy, flow: policy.Flow) -> dict[Sender, policy.Flow]:
    """Return the flow as each sender whom a policy may tell from others."""
    places = PLACES if resolved.units() else ((),)
    senders: list[Sender] = [(None, ()), *((user, place) for user in SOMEBODY for place in places)]
    return {(user, units): replace(flow, user=user, units=units) for user, units in senders}


def _by(resolved: policy.ResolvedPolicy, name: str, flow: policy.Flow) -> list[bool]:
    """Return for each sender whether one entry alone lets its flow through."""
    alone = replace(resolved, floor=(), entries=tuple(entry for entry in resolved.entries if entry.name == name))
    return [policy.decide(alone, each).allowed for each in _as_everybody(resolved, flow).values()]


def _is_named(sender: Sender, text: str) -> bool:
    """Return whether a difference is about a sender. text: "payd", "a.service, b.slice" or "payd in a.service"."""
    users, _in, named = text.rpartition(" in ")
    names = named.split(", ")
    is_in = any(is_of(unit, name) for unit in sender[1] for name in names)
    return is_in and sender[0] in users.split(", ") if users else is_in or sender[0] in names


def _about(difference: TargetDifference, direction: str, flow: policy.Flow, sender: Sender | None = None) -> bool:
    version, value = addresses.parse_address(flow.address)
    number = flow.protocol if isinstance(flow.protocol, int) else services.PORT_PROTOCOLS.get(flow.protocol)
    if number is None:
        number = services.ICMP if version == 4 else services.ICMPV6
    inside = intervals.contains(difference.addresses.family(version), value) and difference.services.contains(
        number, flow.port or 0
    )
    mine = sender is None or difference.users is None or any(_is_named(sender, text) for text in difference.users)
    return difference.direction == direction and inside and mine
