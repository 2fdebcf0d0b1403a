# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy changes with the rejections around them, incidents, and entries that nothing used."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report import changes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.tests.support import fleets
from ansible_collections.tidegate.nftables.tests.support.fleets import event

NOON = fleets.END - 2 * 3600 - fleets.DAY
"""2026-11-19 12:00 UTC."""


def host(name: str, *events: dict[str, Any], **about: Any) -> HostData:
    return HostData(host=name, tier="app", events=events, now=float(fleets.END), **about)


def test_one_change_of_many_hosts_is_one_row_with_what_was_rejected_around_it() -> None:
    firsts = [NOON - 2 * fleets.DAY, NOON - 60, NOON - 50, NOON + 700, fleets.END - 60]
    records = [fleets.record("app1", "app", first=first, last=first) for first in firsts]
    records.append(fleets.record("app1", "app", first=NOON + 800, decision="allowed"))
    hosts = [
        host("app1", event("confirmed", "2026-11-19T12:00:00Z", who="alice", what="add 1 entry"), records=records),
        host("app2", event("confirmed", "2026-11-19T12:10:00Z", who="bob", what="add 1 entry")),
        host("app3", event("confirmed", "2026-11-20T13:00:00Z", who="bob"), event("confirmed", "no time")),
    ]
    totals = Totals(fleets.END)
    for data in hosts:
        totals.add(data)
    late, early = changes.changes(hosts, totals)
    assert (early.hosts, early.who, early.what, early.before, early.after) == (2, "alice, bob", "add 1 entry", 2, 1)
    assert early.hours_after == 24
    assert (late.hosts, late.what, late.before, late.after, late.hours_after) == (1, "", 0, 0, 1)
    # Two of 12 packets in the day before; one in the 24 h after, and one more at their end.
    assert (early.rate_before, early.rate_after, late.rate_after) == (1.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("first", "last", "before", "after"),
    [
        (-24, 24, 10.0, 10.0),
        (-48, 0, 10.0, 0.0),
        (12, 14, 0.0, 20.0),
        (-2, -2, 20.0, 0.0),
        (-99, -50, 0.0, 0.0),
    ],
)
def test_what_a_flow_was_rejected_in_an_hour_before_and_after_a_change(
    first: int, last: int, before: float, after: float
) -> None:
    record = fleets.record("app1", "app", first=NOON + first * 3600, last=NOON + last * 3600, packets=480)
    data = host("app1", event("confirmed", "2026-11-19T12:00:00Z"), records=[record])
    totals = Totals(fleets.END)
    totals.add(data)
    (change,) = changes.changes([data], totals)
    assert (round(change.rate_before, 1), round(change.rate_after or 0, 1)) == (before, after)


def test_less_than_an_hour_after_a_change_is_no_rate() -> None:
    data = host("app1", event("confirmed", "2026-11-20T13:30:00Z"), records=[fleets.record("app1", "app")])
    totals = Totals(fleets.END)
    totals.add(data)
    (change,) = changes.changes([data], totals)
    assert change.rate_after is None


def test_edits_rollbacks_and_emergencies_are_incidents() -> None:
    named = ("edited", "restored", "emergency", "confirmed", "booted")
    hosts = [host("app1", *(event(name, f"2026-11-19T1{at}:00:00Z", who="eve") for at, name in enumerate(named)))]
    reported = changes.incidents(hosts)
    assert [incident.event for incident in reported] == ["emergency", "restored", "edited"]
    assert reported[1].meaning == "a change was rolled back"
    assert reported[1].about == "by eve"


def test_an_entry_is_unused_that_no_host_used_and_only_since_the_table_was_loaded() -> None:
    loaded = event("booted", "2026-11-18T14:00:00Z")
    hosts = [
        host("app1", loaded, entries={"used": 0, "unused": 0}),
        host("app2", event("confirmed", "2026-11-10T14:00:00Z"), entries={"used": 5, "unused": 0, "old": 0}),
        host("app3", entries={"young": 0}),
    ]
    unused = {entry.name: (entry.hosts, entry.seconds) for entry in changes.unused_entries(hosts)}
    assert unused == {"old": (1, 10 * fleets.DAY), "unused": (2, 2 * fleets.DAY), "young": (1, None)}
