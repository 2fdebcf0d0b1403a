# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a list changed: shrinking closes what applications need, growing opens what nobody asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals


@dataclass(frozen=True)
class Change:
    """percent: of what was there before; infinite where nothing was. text: a sentence about it."""

    percent: float
    text: str


def largest(old: AddressSet, new: AddressSet) -> Change:
    """The largest of all changes, in each family: networks gone, networks come, addresses gone, addresses come.

    Networks and addresses both, since either alone is blind: a hundred single hosts are nothing beside a /8 that stays,
    and one 0.0.0.0/1 among a thousand networks is only one network more. Networks that touch count as one, so that
    a list which is only written in other pieces has not changed.
    """
    return max(_changes(old, new), key=lambda change: change.percent, default=Change(0.0, "nothing changed"))


def _changes(old: AddressSet, new: AddressSet) -> Iterator[Change]:
    for version in (4, 6):
        before, after = old.family(version), new.family(version)
        if before == after:
            continue
        family = f"IPv{version}"
        if not before:
            yield Change(inf, f"{family} networks are new in it, the first {_first(version, after)}")
            continue
        gone, come = intervals.subtract(before, after), intervals.subtract(after, before)
        for part, within, what in ((gone, before, "gone or smaller"), (come, after, "new or wider")):
            if part:
                count = _touched(within, part)
                networks, share = 100 * count / len(before), 100 * intervals.size(part) / intervals.size(before)
                networks_are = "network is" if count == 1 else "networks are"
                sentence = f"{count} {family} {networks_are} {what}, it had {len(before)}"
                example = f"the first {_first(version, part)}"
                yield Change(networks, f"{sentence} ({_percent(networks)}), {example}")
                yield Change(share, f"{sentence} ({_percent(share)} of its addresses), {example}")


def _touched(networks: Intervals, part: Intervals) -> int:
    """How many of the networks have something of the part, which lies in them wholly."""
    starts = [start for start, _end in networks]
    return len({bisect_right(starts, start) for start, _end in part})


def _first(version: int, found: Intervals) -> str:
    one = addresses.interval(version, *found[0])
    return one.elements(version)[0]


def _percent(share: float) -> str:
    """`30.4%`, `6400%`."""
    return f"{share:.0f}%" if share >= 100 else f"{share:.1f}%".replace(".0%", "%")
