# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop a run that would take away too much at once: a list that came half or empty must not close what it feeds.

What counts are the destinations in sets that a rule refers to. An address is one, a network or range as many as it has
addresses, but at most MOST, so that one /8 does not outweigh a thousand hosts; of what is lost in part, a part counts.
What a set of a new name takes over is not lost: things may be renamed. Nor is what a rule
opened until a day that is past.
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
"""Destinations that a network or range counts for at most."""

FEWEST = 10
"""Destinations that must go before any share is too large: a table of few may lose one of them, or one network."""

SHOWN = 20
"""Lost destinations that the message lists."""

_UNTIL = re.compile(r'\bmeta time < "([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})"')


@dataclass(frozen=True)
class Loss:
    """Destinations there are, how many of them go, and (set, destination) of those that go."""

    there: int
    gone: int
    what: tuple[tuple[str, str], ...]


def check(spec: TableSpec, live: NftTable | None, goal: NftTable | None) -> None:
    """Raise when more goes than the spec tolerates. A table that is new or goes altogether is no loss."""
    limit = spec.max_removed
    if limit is None or live is None or goal is None:
        return
    loss = measure(live, goal, limit)
    if loss.gone < FEWEST or loss.gone * 100 <= loss.there * limit.percent:
        return
    listed = ", ".join(f"{name} {text}" for name, text in loss.what[:SHOWN])
    rest = len(loss.what) - SHOWN
    listed += f" and {rest} more" if rest > 0 else ""
    raise EngineError(
        "too_much_removed",
        f"This would take away {loss.gone} of {loss.there} destinations ({loss.gone * 100 // loss.there} %) of table "
        f"{spec.name}, and at most {limit.percent} % may go in one run: {listed}. "
        f"Is an inventory or a list incomplete? {UNCHANGED}",
        f"{spec.where}.max_removed",
    )


def measure(live: NftTable, goal: NftTable, limit: MaxRemoved) -> Loss:
    """Return what goes from the live table to the goal, in the sets that the limit is about."""
    now, then = _in_use(live, limit), _in_use(goal, limit)
    new = [found for name, found in then.items() if live.set(name) is None]
    there = gone = 0
    what: list[tuple[str, str]] = []
    for name, found in now.items():
        kept = [*new, *([then[name]] if name in then else [])]
        for key, weight, lost, texts in _losses(found, kept):
            there += weight
            gone += lost
            what += [(name, text) for text in texts or (key,)] if lost else []
    return Loss(there, gone, tuple(what))


def _in_use(table: NftTable, limit: MaxRemoved) -> dict[str, NftSet]:
    """Return the sets that the limit is about and that any rule refers to."""
    rules = [rule.canon for chain in table.chains for rule in chain.rules if not _over(rule.canon)]
    used = {name for rule in rules for name in sets_in(rule)}
    return {found.name: found for found in table.sets if found.name in used and fnmatchcase(found.name, limit.sets)}


def _over(rule: str) -> bool:
    """Whether a rule's day is past, so that it opens nothing any more. nft lists it in the host's time zone."""
    until = _UNTIL.search(rule)
    return until is not None and time.mktime(time.strptime(until.group(1), "%Y-%m-%d %H:%M:%S")) <= time.time()


def _losses(found: NftSet, kept: Sequence[NftSet]) -> Iterable[tuple[str, int, int, list[str]]]:
    """For each element its key, what it counts, what of that goes, and the parts that go where they are addresses."""
    same = {element.key for one in kept for element in one.elements if one.declaration[:1] == found.declaration[:1]}
    remaining: dict[int, list[intervals.Interval]] | None = None
    for element in found.elements:
        parsed = intervals.parse(element.key)
        size = parsed[1][1] - parsed[1][0] + 1 if parsed else 1
        weight = min(size, MOST)
        if element.key in same:
            yield element.key, weight, 0, []
            continue
        if parsed is None or found.kind == "map":
            yield element.key, weight, weight, []
            continue
        if remaining is None:
            remaining = _ranges(kept)
        version, whole = parsed
        parts = intervals.outside(whole, remaining.get(version, ()))
        lost = sum(last - first + 1 for first, last in parts)
        yield element.key, weight, -(-weight * lost // size), [intervals.show(*part, version) for part in parts]


def _ranges(sets: Sequence[NftSet]) -> dict[int, list[intervals.Interval]]:
    """Return, by version, the sorted ranges of all elements that are addresses or numbers."""
    found: dict[int, list[intervals.Interval]] = {}
    for one in sets:
        for element in one.elements:
            parsed = intervals.parse(element.key)
            if parsed:
                found.setdefault(parsed[0], []).append(parsed[1])
    return {version: intervals.merged(ranges) for version, ranges in found.items()}
