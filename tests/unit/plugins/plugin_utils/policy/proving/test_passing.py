# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy lets through as one set, against the oracle that is asked for one flow at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    FloorScope,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, FixedInventory, cases
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import (
    test_property as random_policies,
)

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
SOURCES = (None, 68, 546)


@lru_cache(maxsize=8)
def let_through(resolved: ResolvedPolicy, source_port: int | None, container: bool) -> Reach:
    return passing(resolved, floor=FloorScope(source_port=source_port), containers=container)


def agree(resolved: ResolvedPolicy, flow: policy.Flow) -> None:
    """The set and the oracle say the same of a flow."""
    version, _value = addresses.parse_address(flow.address)
    protocol = flow.protocol
    if protocol == "icmp":
        protocol = 1 if version == 4 else 58
    number = protocol if isinstance(protocol, int) else PROTOCOLS[protocol]
    reached = let_through(resolved, flow.source_port, flow.container)
    region = reached.at(flow.user, random_policies.cgroup_of(flow))
    verdict = policy.decide(resolved, flow)
    passes = verdict.allowed and not verdict.rejected
    assert region.contains(number, flow.port or 0, flow.address) == passes, flow


@settings(max_examples=150, deadline=None)
@given(
    st.lists(random_policies.entries, max_size=3),
    st.lists(random_policies.entries, max_size=2),
    st.lists(random_policies.nevers, max_size=2),
    st.lists(random_policies.flows, max_size=12),
)
def test_random_policies(allow: Any, base: Any, never: Any, tried: list[policy.Flow]) -> None:
    groups, hosts = random_policies.GROUPS, random_policies.HOSTS
    lists = {name: random_policies.listed(name) for name in random_policies.LISTS}
    variables = random_policies.policy_of("enforce", allow, base, never)
    resolved, _errors = random_policies.attempt(variables, FixedInventory("app1", groups, hosts, lists))
    if resolved is not None:
        for flow in tried:
            agree(resolved, flow)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_border_of_the_golden_policies(case: Case) -> None:
    resolved, reader = case.resolved(), case.reader()
    if resolved.mode == "absent":
        return
    reached = passing(resolved)
    users = [*reached.users(), "somebody", None]
    all_grants = [grant for one in resolved.entries for grant in one.grants]
    texts = {"127.0.0.1", "::1", "ff02::1:2", "fe80::1", "224.0.0.22", "192.0.2.99"}
    for one in (
        *(grant.addresses for grant in all_grants),
        *(never.addresses for never in resolved.never),
        resolved.dns,
    ):
        for version in (4, 6):
            for start, end in one.family(version)[:3]:
                texts |= {addresses.to_text(version, value) for value in (start, end)}
    ports = {(6, 443), (6, 53), (17, 123), (17, 67), (17, 547), (2, 0), (112, 0)}
    for grant in all_grants:
        ports |= {divmod(place, services.PORTS) for ends in grant.services.line for place in ends}
    for text in sorted(texts):
        for protocol, port in sorted(ports):
            if (protocol, ":" in text) not in ((1, True), (58, False)):
                for source in SOURCES if protocol == 17 else (None,):
                    flow = policy.Flow(text, protocol, port, users[port % len(users)], source)
                    agree(resolved, flow)
                    allowed = policy.decide(replace(resolved, mode="enforce"), flow).allowed
                    assert reader.is_allowed(random_policies.seen(flow)) == allowed, flow


def test_absent_lets_everything_through() -> None:
    assert passing(build(egress_mode="absent")).others == SPACE


def test_what_others_fill_in_counts_only_for_the_most() -> None:
    auto = build(egress_dns_servers=["auto"], egress_allow_app=[entry()])
    dns = (6, 853, "198.51.100.1")
    assert not passing(auto).others.contains(*dns)
    assert passing(auto, may=True).others.contains(*dns)
    assert passing(auto) <= passing(auto, may=True)
    assert not passing(auto, floor=FloorScope(servers=False, rest=False)).others.contains(6, 443, "127.0.0.1")


def test_what_goes_to_the_hosts_own_addresses_never_leaves_it() -> None:
    resolved = build(replace(INVENTORY, host="db1"), egress_never=[{"to": "10.20.0.0/24"}], egress_containers=True)
    own, other = policy.Flow("10.20.0.1", "tcp", 5432), policy.Flow("10.20.0.2", "tcp", 5432)
    assert (policy.decide(resolved, own).cause, policy.decide(resolved, other).cause) == ("floor", "never")
    assert passing(resolved).others.contains(6, 5432, "10.20.0.1")
    # Packets of containers to the host are not forwarded; of those that are, none has this destination.
    assert policy.decide(resolved, replace(own, container=True)).cause == "never"
    assert not passing(resolved, containers=True).nobody.contains(6, 5432, "10.20.0.1")
