# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies that are hard on the algebra: entries whose addresses and ranges of ports overlap in every way."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
    ResolvedPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import normalise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

INSIDE = 0x0A000000
SCATTERED = 20
"""Hosts or ports of an entry."""


def _hosts(chosen: random.Random) -> AddressSet:
    return AddressSet(v4=normalise((INSIDE + chosen.randrange(1 << 24),) * 2 for _host in range(SCATTERED)))


def _network(chosen: random.Random) -> AddressSet:
    first, last = sorted(chosen.randrange(1 << 24) for _end in "ab")
    return addresses.interval(4, INSIDE + first, INSIDE + last)


def _ports(chosen: random.Random) -> ServiceSet:
    return ServiceSet(normalise((6 * services.PORTS + chosen.randrange(1, 1 << 16),) * 2 for _port in range(SCATTERED)))


def _range(chosen: random.Random) -> ServiceSet:
    first, last = sorted(chosen.randrange(1, 1 << 16) for _end in "ab")
    return services.of_protocol(6, first, last)


def _nested(chosen: random.Random) -> AddressSet:
    return addresses.parse("10.0.0.0/8") if chosen.randrange(2) else _hosts(chosen)


SHAPES: Mapping[str, tuple[Callable[[random.Random], AddressSet], Callable[[random.Random], ServiceSet]]] = {
    "mesh": (_hosts, _range),
    "networks": (_network, _ports),
    "rectangles": (_network, _range),
    "nested": (_nested, _ports),
}
"""What each entry opens: 20 scattered hosts and a range of ports, a range of addresses and 20 scattered ports, …"""


def mesh(shape: str, entries: int, users: int = 0) -> ResolvedPolicy:
    """Return a policy, the same each time. users: how many share every second entry; 0: all are for everybody."""
    chosen = random.Random(entries)
    to, spoken = SHAPES[shape]
    return ResolvedPolicy(
        host="host",
        mode="enforce",
        tier="app",
        entries=tuple(
            ResolvedEntry(
                name=f"entry-{number}",
                kind="allow",
                grants=(Grant(to(chosen), spoken(chosen)),),
                to=("x",),
                service_texts=("x",),
                where="x",
                users=(f"user{number % users}",) if users and number % 2 else None,
            )
            for number in range(entries)
        ),
        never=(ResolvedNever(addresses.parse("10.7.0.0/16"), services.ANY, ("root",)),),
        dns=addresses.parse("10.255.0.10"),
        floor=("icmp-errors", "neighbours", "dhcp", "dns", "ntp"),
    )
