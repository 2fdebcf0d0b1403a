# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs did to policies, from the journals: changes, edits, rollbacks, unused entries."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.journal import EVENTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

from . import moments
from .sources import HostData, shown
from .totals import ALLOWED, DAY, HOUR, Totals

CHANGES = ("confirmed", "saved", "recorded")
INCIDENTS = (
    "edited",
    "lost",
    "repaired",
    "restored",
    "replaced",
    "stuck",
    "reverted",
    "failsafe",
    "emergency",
    "allowed",
    "removed",
)
_LOADS = ("confirmed", "saved", "booted", "lost", "repaired", "restored", "replaced", "failsafe")
"""After these, the counters of rules may have begun anew."""
_TOGETHER = HOUR
"""Seconds between changes of hosts that are one change of the fleet."""
_LISTED = 3


@dataclass(frozen=True)
class Change:
    """A change of policy on hosts.

    before, after: flows first rejected on them in the day before and after it. hours_after: of that day so far.
    rate_before, rate_after: what they were rejected in an hour of these days, in packets; None for less than an hour.
    """

    when: int
    hosts: int
    who: str
    what: str
    before: int
    after: int
    hours_after: int
    rate_before: float
    rate_after: float | None


@dataclass(frozen=True)
class Incident:
    """Something on a host that somebody should know. meaning: the event in words; about: what is known of it."""

    when: int
    host: str
    event: str
    meaning: str
    about: str


@dataclass(frozen=True)
class UnusedEntry:
    """An entry that allowed no packet on any host. seconds: for at least as long, on the host where it was shortest."""

    name: str
    tiers: str
    hosts: int
    seconds: int | None


def changes(hosts: Sequence[HostData], totals: Totals) -> list[Change]:
    """Return the changes of the fleet, the latest first."""
    events = sorted(
        ((when, data.host, event) for data in hosts for when, event in _events(data, CHANGES)),
        key=lambda item: item[:2],
    )
    clusters: list[list[tuple[int, str, Any]]] = []
    for item in events:
        if clusters and item[0] - clusters[-1][-1][0] <= _TOGETHER:
            clusters[-1].append(item)
        else:
            clusters.append([item])
    rejected = _rejected(totals)
    return [_change(cluster, rejected, totals.end) for cluster in reversed(clusters)]


def incidents(hosts: Sequence[HostData]) -> list[Incident]:
    """Return what happened beside the changes, the latest first."""
    happened = [
        Incident(when, data.host, event["event"], EVENTS.get(event["event"], ""), _about(event))
        for data in hosts
        for when, event in _events(data, INCIDENTS)
    ]
    return sorted(happened, key=lambda incident: (-incident.when, incident.host))


def unused_entries(hosts: Sequence[HostData]) -> list[UnusedEntry]:
    """Return the entries that nothing used, those that are unused for the longest time first."""
    packets: Counter[str] = Counter()
    holders: dict[str, list[HostData]] = defaultdict(list)
    for data in hosts:
        for name, number in (data.entries or {}).items():
            packets[name] += number
            holders[name].append(data)
    unused = []
    for name, own in holders.items():
        if packets[name] == 0:
            ages = [_age(data) for data in own]
            known = [age for age in ages if age is not None]
            tiers = ", ".join(sorted({data.tier or "" for data in own}))
            unused.append(UnusedEntry(shown(name), tiers, len(own), min(known) if len(known) == len(ages) else None))
    return sorted(unused, key=lambda entry: (-(entry.seconds or 0), entry.name))


def _age(data: HostData) -> int | None:
    """Return for how many seconds its counters have counted, None where its journal does not say."""
    loads = [when for when, _event in _events(data, _LOADS)]
    return None if not loads or data.now is None else max(0, int(data.now) - max(loads))


def _events(data: HostData, names: Sequence[str]) -> list[tuple[int, Any]]:
    events = [(moments.parse(event.get("when")), event) for event in data.events if event["event"] in names]
    return [(when, event) for when, event in events if when is not None]


class _Rejected:
    """What one host was rejected over time. A record has two times; between them its packets count as even."""

    def __init__(self, flows: Sequence[tuple[int, int, int]]) -> None:
        """Flows: first and last time, and packets."""
        self._firsts = sorted(first for first, _last, _packets in flows)
        bends: dict[int, float] = defaultdict(float)
        for first, last, packets in flows:
            slope = packets / max(1, last - first)
            bends[first] += slope
            bends[max(last, first + 1)] -= slope
        self._times = sorted(bends)
        slopes = [0.0, *accumulate(bends[moment] for moment in self._times)]
        spans = zip(slopes[1:-1], pairwise(self._times), strict=True)
        steps = (slope * (after - before) for slope, (before, after) in spans)
        self._slopes, self._sums = slopes, [0.0, *accumulate(steps)]

    def new(self, start: int, end: int) -> int:
        """Return how many flows were noticed first from start on and before end."""
        return bisect_left(self._firsts, end) - bisect_left(self._firsts, start)

    def packets(self, start: int, end: int) -> float:
        """Return the packets between two times."""
        return max(0.0, round(self._until(end) - self._until(start), 3))

    def _until(self, moment: int) -> float:
        place = bisect_left(self._times, moment)
        return self._sums[place - 1] + self._slopes[place] * (moment - self._times[place - 1]) if place else 0.0


def _change(cluster: Sequence[tuple[int, str, Any]], rejected: Mapping[str, _Rejected], end: int) -> Change:
    hosts = {host for _when, host, _event in cluster}
    when, last = cluster[0][0], cluster[-1][0]
    described = Counter(shown(str(event.get("what", ""))) for _when, _host, event in cluster if event.get("what"))
    more = len(described) - _LISTED
    descriptions = "; ".join(what for what, _number in described.most_common(_LISTED))
    own = [rejected[host] for host in hosts if host in rejected]
    seconds = max(0, min(DAY, end - last))
    after = sum(each.packets(last, last + seconds) for each in own) * HOUR
    return Change(
        when=when,
        hosts=len(hosts),
        who=", ".join(sorted({shown(str(event.get("who", ""))) for *_rest, event in cluster} - {""})),
        what=descriptions + (f" and {count(more, 'other')}" if more > 0 else ""),
        before=sum(each.new(when - DAY, when) for each in own),
        after=sum(each.new(last, last + DAY) for each in own),
        hours_after=seconds // HOUR,
        rate_before=sum(each.packets(when - DAY, when) for each in own) * HOUR / DAY,
        rate_after=after / seconds if seconds >= HOUR else None,
    )


def _rejected(totals: Totals) -> dict[str, _Rejected]:
    names = list(totals.texts["host"])
    flows: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    columns = (totals.columns[name] for name in ("host", "first", "last", "packets", "decision"))
    for host, first, last, packets, decision in zip(*columns, strict=True):
        if decision != ALLOWED and first:
            flows[names[host]].append((first, last, packets))
    return {host: _Rejected(own) for host, own in flows.items()}


def _about(event: Any) -> str:
    parts = [event.get("what"), event.get("why"), f"by {event['who']}" if event.get("who") else None]
    parts += [*event.get("edit", ())]
    return shown("; ".join(str(part) for part in parts if part))
