# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop a run that would remove too much: a truncated or empty list must not block the traffic that it allowed.

The destinations in sets that a rule refers to are counted. An address counts 1, a network or range the number of its
addresses, but at most MOST, so that one /8 does not outweigh a thousand hosts; a part of a network counts in
proportion. Destinations that move to a set of a new name are not lost, because sets may be renamed. Neither are
destinations whose rules have expired.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import MaxRemoved, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftSet, NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import sets_in

MOST = 8
"""Maximum count of a network or range."""

FEWEST = 10
"""Number of destinations that may always be removed: a small table may lose an address or a network."""

SHOWN = 20
"""Number of lost destinations that the message lists."""

_UNTIL = re.compile(r'\bmeta time < "([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})"')


@dataclass(frozen=True)
class Loss:
    """Number of live destinations, number of lost ones, and (set, destination) of the lost ones."""

    total: int
    lost: int
    texts: tuple[tuple[str, str], ...]


def check(spec: TableSpec, live: NftTable | None, desired: NftTable | None) -> None:
    """Raise when a run removes more than the spec allows. A new table or the deletion of a table is no loss."""
    limit = spec.max_removed
    if limit is None or live is None or desired is None:
        return
    loss = measure(live, desired, limit)
    if loss.lost < FEWEST or loss.lost * 100 <= loss.total * limit.percent:
        return
    shown = ", ".join(f"{name} {text}" for name, text in loss.texts[:SHOWN])
    rest = len(loss.texts) - SHOWN
    shown += f" and {rest} more" if rest > 0 else ""
    raise EngineError(
        "too_much_removed",
        f"This run would remove {loss.lost} of {loss.total} destinations ({loss.lost * 100 // loss.total} %) of table "
        f"{spec.name}, but max_removed allows {limit.percent} %: {shown}. "
        f"Fix: check whether an inventory or list is incomplete, or raise max_removed. {UNCHANGED}",
        f"{spec.where}.max_removed",
    )


def measure(live: NftTable, desired: NftTable, limit: MaxRemoved) -> Loss:
    """Return the destinations of the live table that the desired one lacks, in the sets that the limit names."""
    now, then = _in_use(live, limit), _in_use(desired, limit)
    new = [nft_set for name, nft_set in then.items() if live.set(name) is None]
    total = removed = 0
    removed_texts: list[tuple[str, str]] = []
    for name, nft_set in now.items():
        kept = [*new, *([then[name]] if name in then else [])]
        for key, weight, lost, texts in _losses(nft_set, kept):
            total += weight
            removed += lost
            removed_texts += [(name, text) for text in texts or (key,)] if lost else []
    return Loss(total, removed, tuple(removed_texts))


def _in_use(table: NftTable, limit: MaxRemoved) -> dict[str, NftSet]:
    """Return the sets that the limit names and that a rule refers to."""
    rules = [rule.canon for chain in table.chains for rule in chain.rules if not _expired(rule.canon)]
    used = {name for rule in rules for name in sets_in(rule)}
    return {
        nft_set.name: nft_set
        for nft_set in table.sets
        if nft_set.name in used and fnmatchcase(nft_set.name, limit.sets)
    }


def _expired(rule: str) -> bool:
    """Whether a rule has expired. nft lists its time in the host's time zone."""
    match = _UNTIL.search(rule)
    return match is not None and time.mktime(time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")) <= time.time()


def _losses(live_set: NftSet, kept: Sequence[NftSet]) -> Iterable[tuple[str, int, int, list[str]]]:
    """Yield the key of each element, its count, how much of it is lost, and the lost parts where they are addresses."""
    same = {
        element.key
        for nft_set in kept
        for element in nft_set.elements
        if nft_set.declaration[:1] == live_set.declaration[:1]
    }
    remaining: dict[int, list[intervals.Interval]] | None = None
    for element in live_set.elements:
        parsed = intervals.parse(element.key)
        size = parsed[1][1] - parsed[1][0] + 1 if parsed else 1
        weight = min(size, MOST)
        if element.key in same:
            yield element.key, weight, 0, []
            continue
        if parsed is None or live_set.kind == "map":
            yield element.key, weight, weight, []
            continue
        if remaining is None:
            remaining = _ranges(kept)
        version, whole = parsed
        parts = intervals.outside(whole, remaining.get(version, ()))
        lost = sum(last - first + 1 for first, last in parts)
        yield element.key, weight, -(-weight * lost // size), [intervals.show(*part, version) for part in parts]


def _ranges(sets: Sequence[NftSet]) -> dict[int, list[intervals.Interval]]:
    """Return by version the merged intervals of all elements that are addresses or numbers."""
    by_version: dict[int, list[intervals.Interval]] = {}
    for nft_set in sets:
        for element in nft_set.elements:
            parsed = intervals.parse(element.key)
            if parsed:
                by_version.setdefault(parsed[0], []).append(parsed[1])
    return {version: intervals.merged(ranges) for version, ranges in by_version.items()}
