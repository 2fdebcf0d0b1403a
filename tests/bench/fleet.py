# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of policies to prove, every host's built by itself, as a run builds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
    ResolvedPolicy,
    ResolvedTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.fleet import Fleet

_USERS = (None, None, None, ("payd",), ("www-data", "app"))
_UNITS = (None, ("nginx.service",), None, ("restic@.service", "batch.slice"), ("nginx.service",))
_PORTS = (443, 80, 5432, 8443, 6379, 25, 22, 9200)


def fleet(hosts: int, tiers: int, entries: int, *, own: bool, units: bool = False) -> dict[str, ResolvedPolicy]:
    """Policies by host. own: each host has a destination that no other has. units: some entries are for units."""
    made = {f"host{number}": _policy(number, number % tiers, entries, own=own) for number in range(hosts)}
    return {host: _with_units(resolved) for host, resolved in made.items()} if units else made


def _with_units(resolved: ResolvedPolicy) -> ResolvedPolicy:
    entries = tuple(replace(entry, units=_UNITS[place % len(_UNITS)]) for place, entry in enumerate(resolved.entries))
    never = tuple(replace(each, except_units=("backup.service",)) for each in resolved.never)
    tests = tuple(replace(test, unit=None if test.reach else "nginx.service") for test in resolved.tests)
    return replace(resolved, entries=entries, never=never, tests=tests)


def _policy(number: int, tier: int, entries: int, *, own: bool) -> ResolvedPolicy:
    made = tuple(_entry(tier, place, number + 1 if own and place == 0 else 0) for place in range(entries))
    closed = addresses.parse(f"10.{tier}.7.0/24")
    return ResolvedPolicy(
        host=f"host{number}",
        mode="enforce",
        tier=f"tier{tier}",
        entries=made,
        never=(ResolvedNever(closed, services.ANY, ("root",)),),
        tests=tuple(_test(tier, place) for place in range(10)),
        dns=addresses.parse("10.255.0.10"),
        ntp=addresses.parse("10.255.0.20"),
        floor=("icmp-errors", "neighbours", "dhcp", "dns", "ntp"),
    )


def _entry(tier: int, place: int, extra: int) -> ResolvedEntry:
    destinations = addresses.parse(f"10.{tier}.{place}.0/24") | addresses.parse(f"2001:db8:{tier:x}:{place:x}::/64")
    if extra:
        destinations |= addresses.single(4, 0xC6120000 + extra)
    port = _PORTS[place % len(_PORTS)] if place % 4 else 10000 + place
    spoken = services.of_protocol(6, port, port + place % 3)
    users = _USERS[place % len(_USERS)]
    return ResolvedEntry(
        name=f"entry-{place}",
        kind="allow",
        grants=(Grant(destinations, spoken),),
        to=("x",),
        service_texts=("x",),
        where="x",
        users=users,
    )


def _test(tier: int, place: int) -> ResolvedTest:
    reach = place % 2 == 0
    text = f"10.{tier}.{place * 20}.0/24" if reach else f"192.168.{place}.0/24"
    spoken = services.of_protocol(6, 10000 + place * 20, 10000 + place * 20) if reach else services.ANY
    users = _USERS[place * 20 % len(_USERS)]
    return ResolvedTest(
        name=f"t{place}",
        where="x",
        reach=reach,
        addresses=addresses.parse(text),
        services=spoken,
        user=users[0] if users and reach else None,
    )


def prove(policies: Mapping[str, ResolvedPolicy]) -> dict[str, Reach]:
    """What each host reaches; every test must hold, and nothing may be open that is not open anyway."""
    proven = Fleet(policies)
    reaches = {}
    for host in policies:
        reaches[host] = proven.reach(host)
        assert proven.failed_tests(host) == ()
    return reaches
