# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a policy as chains: a few in one chain, many behind a map from addresses to their entries.

A set lookup takes the kernel about 0.1 us, an entry whose ports do not match a sixth of that (docs/performance.md), so
a packet's way through many https entries is long. Behind the map a packet meets only the entries that name its
address, in their order. Each entry has one rule in a chain of its own: when addresses move, elements of the map
change, never a rule, so no entry loses its counter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Interval

from .matches import FAMILIES, Spec, in_set

IN_A_ROW = 32
"""The most entries with addresses of their own that one chain holds; more of them are found by address."""

_MOST_SHARED = 32
"""The most entries about one address that get a chain for just them; an address with more goes through every entry."""

Rules = list[str | dict[str, Any]]


@dataclass(frozen=True)
class AllowChains:
    """The chain that allows the entries, first, with the chains below it, and the maps that lead to those."""

    chains: list[Spec]
    maps: list[Spec]


def allow_chains(
    name: str, entries: Sequence[ResolvedEntry], rules: Callable[[ResolvedEntry], Rules], in_a_row: int
) -> AllowChains:
    """Return the chain `name` of these entries. rules: gives the rules of one entry."""
    rules_of = {entry.name: rules(entry) for entry in entries}
    direct = [entry for entry in entries if entry.direct and rules_of[entry.name]]
    if len(direct) <= in_a_row:
        return AllowChains([{"name": name, "rules": [rule for entry in entries for rule in rules_of[entry.name]]}], [])
    maps: list[Spec] = []
    lookups: list[str] = []
    shared: dict[str, tuple[str, ...]] = {}
    for version, family in FAMILIES.items():
        elements = []
        for interval, members in _stretches(direct, version):
            chain = _chain_of(name, members)
            if len(members) > 1:
                shared[chain] = members if chain != _every_entry(name) else tuple(entry.name for entry in direct)
            elements += [{"value": text, "data": f"jump {chain}"} for text in _elements(version, interval)]
        if elements:
            maps.append(_map(name, version, elements))
            lookups.append(f"{family} daddr vmap {in_set(name, version)}")
    others = [rule for entry in entries if not entry.direct for rule in rules_of[entry.name]]
    return AllowChains(
        [
            {"name": name, "rules": [*lookups, *others]},
            *({"name": table_names.entry_chain(name, entry.name), "rules": rules_of[entry.name]} for entry in direct),
            *(
                {"name": chain, "rules": [f"jump {table_names.entry_chain(name, member)}" for member in members]}
                for chain, members in sorted(shared.items())
            ),
        ],
        maps,
    )


def _map(name: str, version: int, elements: list[Spec]) -> Spec:
    return {
        "name": table_names.of_version(name, version),
        "type": f"ipv{version}_addr : verdict",
        "flags": ["interval"],
        "elements": elements,
    }


def _every_entry(name: str) -> str:
    return table_names.shared_chain(name, "every")


def _chain_of(name: str, members: tuple[str, ...]) -> str:
    """Return the chain for an address that exactly these entries name."""
    if len(members) == 1:
        return table_names.entry_chain(name, members[0])
    if len(members) > _MOST_SHARED:
        return _every_entry(name)
    return table_names.shared_chain(name, hashlib.sha256(" ".join(members).encode()).hexdigest()[:12])


def _stretches(entries: Sequence[ResolvedEntry], version: int) -> Iterator[tuple[Interval, tuple[str, ...]]]:
    """Yield each longest interval whose addresses the same entries name, in order, with the entries' names."""
    events = sorted(
        (address, number, begins)
        for number, entry in enumerate(entries)
        for start, end in addresses.union(grant.addresses for grant in entry.grants).family(version)
        for address, begins in ((start, True), (end + 1, False))
    )
    members: set[int] = set()
    before = 0
    for address, number, begins in events:
        if members and address > before:
            yield (before, address - 1), tuple(entries[member].name for member in sorted(members))
        before = address
        if begins:
            members.add(number)
        else:
            members.discard(number)


def _elements(version: int, interval: Interval) -> list[str]:
    """Return an interval as elements of a set."""
    line: intervals.Intervals = (interval,)
    return (AddressSet(v4=line) if version == 4 else AddressSet(v6=line)).elements(version)
