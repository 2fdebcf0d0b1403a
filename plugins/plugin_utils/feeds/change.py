# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a list changed: a shrinking list cuts applications off, a growing list opens what nobody reviewed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count, noun
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals


@dataclass(frozen=True)
class Change:
    """percent: of the size before; infinite when there was nothing. text: a sentence for people."""

    percent: float
    text: str


def largest(old: AddressSet, new: AddressSet) -> Change:
    """Return the largest of all changes: networks and addresses removed and added, in each family.

    Networks and addresses are both counted, since either number alone misses changes: a hundred removed hosts are a
    tiny share of the addresses beside a /8 that stays, and an added 0.0.0.0/1 is one network among a thousand. Adjacent
    networks count as one, so a list that is only split differently has not changed.
    """
    return max(_changes(old, new), key=lambda change: change.percent, default=Change(0.0, "nothing changed"))


def _changes(old: AddressSet, new: AddressSet) -> Iterator[Change]:
    for version in (4, 6):
        before, after = old.family(version), new.family(version)
        if before == after:
            continue
        family = f"IPv{version}"
        if not before:
            yield Change(
                inf, f"the list had no {family} networks before and has some now, the first is {_first(version, after)}"
            )
            continue
        removed, added = intervals.subtract(before, after), intervals.subtract(after, before)
        for part, within, what in ((removed, before, "removed or narrower"), (added, after, "new or wider")):
            if part:
                number = _touched(within, part)
                networks, share = 100 * number / len(before), 100 * intervals.size(part) / intervals.size(before)
                networks_are = f"{count(number, f'{family} network')} {noun(number, 'is', 'are')}"
                sentence = f"{networks_are} {what}, the list had {len(before)}"
                example = f"the first is {_first(version, part)}"
                yield Change(networks, f"{sentence} ({_percent(networks)}), {example}")
                yield Change(share, f"{sentence} ({_percent(share)} of its addresses), {example}")


def _touched(networks: Intervals, part: Intervals) -> int:
    """Return how many of the networks contain something of the part. The part lies entirely within them."""
    starts = [start for start, _end in networks]
    return len({bisect_right(starts, start) for start, _end in part})


def _first(version: int, networks: Intervals) -> str:
    first = addresses.interval(version, *networks[0])
    return first.elements(version)[0]


def _percent(share: float) -> str:
    """Return a share as `30.4%` or `6400%`."""
    return f"{share:.0f}%" if share >= 100 else f"{share:.1f}%".replace(".0%", "%")
