# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sentence for each tier: since when it was watched, what is new, and whether to enforce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.tier_state import LEARNING_HOURS, tier_state
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary.fleet import NO_DATA

from . import moments
from .previous import Key
from .timeline import Timeline
from .totals import Totals

Rows = Mapping[str, Mapping[str, Any]]
"""The row of each host in the table of the playbook status."""


@dataclass(frozen=True)
class Card:
    """A tier. state: one word or two for people; is_fine: nothing to do. new: destinations of each day."""

    tier: str
    state: str
    is_fine: bool
    sentence: str
    hosts: int
    flows: int
    groups: int
    new: list[int]


@dataclass(frozen=True)
class _Noticed:
    """When destinations were first noticed. fresh: the new ones; undecided: how many of these nothing explains."""

    all: Mapping[Key, int]
    fresh: Mapping[Key, int]
    undecided: int


def cards(totals: Totals, rows: Rows, first: Mapping[Key, int], new: set[Key], line: Timeline) -> list[Card]:
    """Return a card for each tier, those with something to do first. first, new: of timeline.py and previous.py."""
    made = []
    undecided = {key[:3] for key, group in totals.groups.items() if group.is_open}
    for tier in totals.tier_hosts:
        mine = {key: moment for key, moment in first.items() if key[0] == tier}
        fresh = {key: moment for key, moment in mine.items() if key in new}
        made.append(_card(tier, totals, rows, _Noticed(mine, fresh, len(fresh.keys() & undecided)), line))
    return sorted(made, key=lambda card: (card.is_fine, card.tier))


def _card(tier: str, totals: Totals, rows: Rows, noticed: _Noticed, line: Timeline) -> Card:
    """Return the card of a tier."""
    mine, fresh = noticed.all, noticed.fresh
    hosts = sorted(totals.tier_hosts[tier])
    own = [rows[host] for host in hosts if host in rows]
    silent = sum(row["level"] == NO_DATA for row in own)
    known = [row for row in own if row["level"] != NO_DATA]
    state, verdict, is_safe = _verdict(tier, known, silent, (max(mine.values(), default=0), totals.end))
    word = f"{state}, {len(fresh):,} new" if fresh and is_safe else state
    parts = [_watched(known), _news(noticed, totals.end), verdict]
    parts += [f"{count(silent, 'host')} gave no data"] if silent else []
    bars = [0] * len(line.days())
    for moment in mine.values():
        if moment >= line.start:
            bars[(moment - line.start // moments.DAY * moments.DAY) // moments.DAY] += 1
    return Card(
        tier=tier,
        state=word,
        is_fine=is_safe and not fresh and not silent,
        sentence="; ".join(part for part in parts if part) + ".",
        hosts=len(hosts),
        flows=sum(number for (name, _first), number in totals.seen.items() if name == tier),
        groups=len(mine),
        new=bars,
    )


def _watched(known: Sequence[Mapping[str, Any]]) -> str:
    """Return for how long the hosts that observe were observed: the shortest time."""
    hours = [row["observed_hours"] for row in known if row.get("observed_hours") is not None]
    return f"observed for {moments.length(min(hours) * 3600)}" if hours else ""


def _news(noticed: _Noticed, end: float) -> str:
    if noticed.fresh:
        decided = "" if noticed.undecided else ", decided about"
        since = moments.near(min(noticed.fresh.values()), end)
        return f"{count(len(noticed.fresh), 'new destination')} since {since}{decided}"
    latest = max(noticed.all.values(), default=0)
    return f"nothing new for {moments.length(end - latest)}" if latest else "nothing was rejected"


def _verdict(
    tier: str, known: Sequence[Mapping[str, Any]], silent: int, noticed: tuple[int, int]
) -> tuple[str, str, bool]:
    """Return the state, what it means for mode enforce, and whether it is fine.

    noticed: when the newest destination was first noticed, 0 without one, and the time of the report.
    """
    if not known:
        return ("no data", "", False) if silent else ("records only", "", True)
    bad = [row for row in known if row["level"] not in ("ok", "warning") or row.get("table") in ("edited", "absent")]
    if bad:
        return "needs attention", f"{count(len(bad), 'host')} without the confirmed table", False
    observing = [row for row in known if row.get("mode") == "observe"]
    evidence = [
        {"hours": row.get("observed_hours") or 0, "ready": row.get("ready"), "required_hours": LEARNING_HOURS}
        for row in observing
    ]
    newest, now = noticed
    judged = tier_state(tier, evidence, silent=silent, enforced=not observing, newest=newest, now=now)
    waiting = sum(not row.get("ready") for row in observing)
    verdict = f"do not enforce yet: {waiting} of {count(len(observing), 'host')} not ready" if waiting else ""
    return judged.state, "enforce is safe" if judged.safe else verdict, judged.safe or judged.state == "enforced"
