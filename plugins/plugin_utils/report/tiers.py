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


def cards(totals: Totals, rows: Rows, first: Mapping[Key, int], new: set[Key], line: Timeline) -> list[Card]:
    """Return a card for each tier, those with something to do first. first, new: of timeline.py and previous.py."""
    made = []
    for tier in totals.tier_hosts:
        mine = {key: moment for key, moment in first.items() if key[0] == tier}
        made.append(_card(tier, totals, rows, (mine, [mine[key] for key in mine if key in new]), line))
    return sorted(made, key=lambda card: (card.is_fine, card.tier))


def _card(
    tier: str, totals: Totals, rows: Rows, noticed: tuple[Mapping[Key, int], Sequence[int]], line: Timeline
) -> Card:
    """Return the card of a tier. noticed: when each of its destinations was first, and when the new ones were."""
    mine, fresh = noticed
    hosts = sorted(totals.tier_hosts[tier])
    own = [rows[host] for host in hosts if host in rows]
    silent = sum(row["level"] == NO_DATA for row in own)
    known = [row for row in own if row["level"] != NO_DATA]
    state, verdict, is_safe = _verdict(tier, known, silent, (max(mine.values(), default=0), totals.end))
    parts = [_watched(known), _news(fresh, mine, totals.end), verdict]
    parts += [f"{count(silent, 'host')} gave no data"] if silent else []
    bars = [0] * len(line.days())
    for moment in mine.values():
        if moment >= line.start:
            bars[(moment - line.start // moments.DAY * moments.DAY) // moments.DAY] += 1
    return Card(
        tier=tier,
        state=f"{state}, {len(fresh):,} new" if fresh and is_safe else state,
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


def _news(fresh: Sequence[int], mine: Mapping[Key, int], end: float) -> str:
    if fresh:
        return f"{count(len(fresh), 'new destination')} since {moments.near(min(fresh), end)}"
    latest = max(mine.values(), default=0)
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
