# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a policy as chains: few of them in a row, many behind a map from addresses to the entries about them.

To look a set up takes the kernel about 0.1 us, an entry whose ports do not match a sixth of that (docs/performance.md).
So a packet's way through many entries in a row is long, above all where all of them are https. Behind the map it
meets only the entries that name its address, in their order, each with its one rule in a chain of its own: addresses
move between elements of the map, never a rule, so no entry's counter is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Interval

from .matches import FAMILIES, Spec

IN_A_ROW = 32
"""Entries that are read one after the other; more named destinations are dispatched."""

_SHARED = 32
"""Entries about one address that get a chain of their own; what more of them name goes through every entry."""

Rules = list[str | dict[str, Any]]


def allow(
    name: str, entries: Sequence[ResolvedEntry], rules: Callable[[ResolvedEntry], Rules], in_a_row: int
) -> tuple[list[Spec], list[Spec]]:
    """The chain that allows these entries with those below it, and its maps. rules: those of an entry."""
    written = {entry.name: rules(entry) for entry in entries}
    named = [entry for entry in entries if entry.direct and written[entry.name]]
    if len(named) <= in_a_row:
        return [{"name": name, "rules": [rule for entry in entries for rule in written[entry.name]]}], []
    maps: list[Spec] = []
    shared: dict[str, tuple[str, ...]] = {}
    for version in FAMILIES:
        elements = []
        for interval, members in _places(named, version):
            target = _target(name, members)
            if len(members) > 1:
                shared[target] = members if target != _every(name) else tuple(entry.name for entry in named)
            elements += [{"value": text, "data": f"jump {target}"} for text in _texts(version, interval)]
        if elements:
            kind = f"ipv{version}_addr : verdict"
            maps.append({"name": f"{name}{version}", "type": kind, "flags": ["interval"], "elements": elements})
    first = [f"{FAMILIES[int(found['name'][-1])]} daddr vmap @{found['name']}" for found in maps]
    rest = [rule for entry in entries if not entry.direct for rule in written[entry.name]]
    below: list[Spec] = [
        *({"name": _of(name, entry.name), "rules": written[entry.name]} for entry in named),
        *(
            {"name": target, "rules": [f"jump {_of(name, member)}" for member in members]}
            for target, members in sorted(shared.items())
        ),
    ]
    return [{"name": name, "rules": [*first, *rest]}, *below], maps


def _of(name: str, entry: str) -> str:
    return f"{name}_{entry}"


def _every(name: str) -> str:
    return f"{name}.every"


def _target(name: str, members: tuple[str, ...]) -> str:
    """The chain for an address that these entries name. A point cannot be in an entry's name."""
    if len(members) == 1:
        return _of(name, members[0])
    if len(members) > _SHARED:
        return _every(name)
    return f"{name}.{hashlib.sha256(' '.join(members).encode()).hexdigest()[:12]}"


def _places(entries: Sequence[ResolvedEntry], version: int) -> Iterator[tuple[Interval, tuple[str, ...]]]:
    """Intervals without gaps in who names them, in order, each with the names of these entries in theirs."""
    events = sorted(
        (place, number, begins)
        for number, entry in enumerate(entries)
        for start, end in addresses.union(grant.addresses for grant in entry.grants).family(version)
        for place, begins in ((start, True), (end + 1, False))
    )
    here: set[int] = set()
    before = 0
    for place, number, begins in events:
        if here and place > before:
            yield (before, place - 1), tuple(entries[one].name for one in sorted(here))
        before = place
        if begins:
            here.add(number)
        else:
            here.discard(number)


def _texts(version: int, interval: Interval) -> list[str]:
    found: intervals.Intervals = (interval,)
    return (AddressSet(v4=found) if version == 4 else AddressSet(v6=found)).elements(version)
