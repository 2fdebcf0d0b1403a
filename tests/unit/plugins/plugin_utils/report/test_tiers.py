# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence of each tier."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report import previous, tiers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.timeline import first_noticed, timeline
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.tests.support import fleets

DAY = fleets.DAY
OLD = {"first": fleets.END - 6 * DAY, "destination": "203.0.113.1"}
FRESH = {"first": fleets.END - 3600, "destination": "203.0.113.2"}
ENFORCE: dict[str, Any] = {"mode": "enforce", "observed_hours": None, "ready": None}


def card(rows: list[dict[str, Any]], *records: dict[str, Any], before: previous.Previous | None = None) -> tiers.Card:
    totals = Totals(fleets.END)
    for number, row in enumerate(rows):
        own = [fleets.record(f"app{number}", "app", **record) for record in records]
        totals.add(HostData(host=f"app{number}", tier="app", row=row, records=[] if row["level"] == "no data" else own))
    first = first_noticed(totals)
    named = {f"app{number}": row for number, row in enumerate(rows)}
    new = previous.new_keys(first, before, totals.end)
    (made,) = tiers.cards(totals, named, first, new, timeline(totals))
    return made


@pytest.mark.parametrize(
    ("rows", "records", "state", "fine", "sentence"),
    [
        ([{}], [OLD], "stable", True, "observed for 14 days; nothing new for 6 days; enforce is safe."),
        ([{}], [], "stable", True, "observed for 14 days; nothing was rejected; enforce is safe."),
        (
            [{}],
            [OLD, FRESH],
            "stable, 1 new",
            False,
            "observed for 14 days; 1 new destination since Friday 13:00; enforce is safe.",
        ),
        (
            [{}],
            [OLD, {**FRESH, "cause": "never"}],
            "stable, 1 new",
            False,
            "observed for 14 days; 1 new destination since Friday 13:00, decided about; enforce is safe.",
        ),
        ([ENFORCE], [OLD, FRESH], "enforced, 1 new", False, "1 new destination since Friday 13:00."),
        ([ENFORCE], [OLD], "enforced", True, "nothing new for 6 days."),
        (
            [{"ready": False, "observed_hours": 71.5}, {}],
            [OLD],
            "settling",
            False,
            "observed for 2 days; nothing new for 6 days; do not enforce yet: 1 of 2 hosts not ready.",
        ),
        (
            [{}, {"level": "no data"}],
            [OLD],
            "unknown",
            False,
            "observed for 14 days; nothing new for 6 days; 1 host gave no data.",
        ),
        (
            [{"ready": False}],
            [FRESH],
            "learning",
            False,
            "observed for 14 days; 1 new destination since Friday 13:00; do not enforce yet: 1 of 1 host not ready.",
        ),
        (
            [ENFORCE, {"level": "no data"}],
            [OLD],
            "unknown",
            False,
            "nothing new for 6 days; 1 host gave no data.",
        ),
        ([{"level": "no data"}], [], "no data", False, "nothing was rejected; 1 host gave no data."),
        (
            [{**ENFORCE, "level": "warning", "table": "edited"}],
            [],
            "needs attention",
            False,
            "nothing was rejected; 1 host without the confirmed table.",
        ),
    ],
)
def test_a_tier_has_one_sentence(rows: list[Any], records: list[Any], state: str, fine: bool, sentence: str) -> None:
    made = card([fleets.row(**row) for row in rows], *records)
    assert (made.state, made.is_fine, made.sentence) == (state, fine, sentence)


def test_new_is_what_the_last_report_did_not_have() -> None:
    known = {("app", "203.0.113.2", "tcp/443")}
    made = card([fleets.row(**ENFORCE)], OLD, FRESH, before=previous.Previous(fleets.END - DAY, frozenset(known)))
    assert made.sentence == "1 new destination since 2026-11-14 14:00."


def test_a_tier_without_states_is_not_judged() -> None:
    totals = Totals(fleets.END)
    totals.add(HostData(host="app1", tier=None, records=[fleets.record("app1", "app", **OLD)]))
    first = first_noticed(totals)
    (made,) = tiers.cards(totals, {}, first, set(), timeline(totals))
    assert (made.tier, made.state, made.sentence) == ("(no tier)", "records only", "nothing new for 6 days.")
