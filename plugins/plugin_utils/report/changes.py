# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs did to policies, from the journals: changes, edits, rollbacks, unused entries."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
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
    """A change of policy on hosts. before, after: flows first rejected on them in the day before and after it."""

    when: int
    hosts: int
    who: str
    what: str
    before: int
    after: int
    hours_after: int


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
    times = _first_times(totals)
    return [_change(cluster, times, totals.end) for cluster in reversed(clusters)]


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


def _change(cluster: Sequence[tuple[int, str, Any]], times: dict[str, list[int]], end: int) -> Change:
    hosts = {host for _when, host, _event in cluster}
    when, last = cluster[0][0], cluster[-1][0]
    described = Counter(shown(str(event.get("what", ""))) for _when, _host, event in cluster if event.get("what"))
    more = len(described) - _LISTED
    descriptions = "; ".join(what for what, _number in described.most_common(_LISTED))
    before = after = 0
    for host in hosts:
        own = times.get(host, [])
        before += bisect_left(own, when) - bisect_left(own, when - DAY)
        after += bisect_left(own, last + DAY) - bisect_left(own, last)
    return Change(
        when=when,
        hosts=len(hosts),
        who=", ".join(sorted({shown(str(event.get("who", ""))) for *_rest, event in cluster} - {""})),
        what=descriptions + (f" and {count(more, 'other')}" if more > 0 else ""),
        before=before,
        after=after,
        hours_after=max(0, min(DAY, end - last)) // HOUR,
    )


def _first_times(totals: Totals) -> dict[str, list[int]]:
    """Return, by host, when its flows that are not allowed were first noticed, sorted."""
    names = list(totals.texts["host"])
    times: dict[str, list[int]] = defaultdict(list)
    columns = (totals.columns["host"], totals.columns["first"], totals.columns["decision"])
    for host, first, decision in zip(*columns, strict=True):
        if decision != ALLOWED and first:
            times[names[host]].append(first)
    return {host: sorted(own) for host, own in times.items()}


def _about(event: Any) -> str:
    parts = [event.get("what"), event.get("why"), f"by {event['who']}" if event.get("who") else None]
    parts += [*event.get("edit", ())]
    return shown("; ".join(str(part) for part in parts if part))
