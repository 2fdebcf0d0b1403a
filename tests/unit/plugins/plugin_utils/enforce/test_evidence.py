# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a host has been observed long enough, and which rejections are explained."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce import decisions
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import (
    DurationError,
    Evidence,
    UnexpectedObservation,
    hours_of,
    judge,
    unseen_days,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()  # a Friday
LINE = {
    "address": "198.51.100.7",
    "protocol": 6,
    "port": 443,
    "uid": 33,
    "user": "www-data",
    "packets": 4,
    "last": NOW - 60,
}


def judged(
    hours: float,
    *lines: dict[str, Any],
    overflow: Sequence[dict[str, Any]] = (),
    ignored: Sequence[dict[str, Any]] = (),
    **variables: Any,
) -> Evidence:
    observed = {
        "confirmed": True,
        "observes": True,
        "since": NOW - hours * 3600,
        "now": NOW,
        "ledger": list(lines),
        "overflow": list(overflow),
    }
    decided = decisions.ignored([*ignored], dt.datetime.fromtimestamp(NOW, dt.UTC).date())
    return judge(build(egress_mode="observe", **variables), observed, 72, decided)


def test_the_hours_decide_and_are_shown() -> None:
    short, enough = judged(71.9), judged(72)
    assert (short.ready, enough.ready) == (False, True)
    assert short.sentence == (
        "Not ready: observed 71 of 72 h (ready 2026-11-20 12:06 UTC). No Monday, Saturday or Sunday yet. "
        "No unexplained rejections. Override: -e egress_enforce_anyway=true."
    )
    assert enough.sentence == (
        "Ready: observed 72 of 72 h. No Monday, Saturday or Sunday yet. No unexplained rejections."
    )


def test_an_unexplained_rejection_keeps_a_host_from_enforcing() -> None:
    evidence = judged(100, LINE)
    assert not evidence.ready
    assert evidence.sentence == (
        "Not ready: observed 100 of 72 h. No Saturday or Sunday yet. "
        "1 unexplained rejection: www-data to 198.51.100.7 tcp/443 (4 packets). "
        "Override: -e egress_enforce_anyway=true."
    )
    assert "observed 1 of 72 h (complete 2026-11-23 11:00 UTC)" in judged(1, LINE).sentence
    assert "tcp/443 (1 packet)." in judged(100, {**LINE, "packets": 1}).sentence


def test_five_rejections_are_named_and_the_rest_counted() -> None:
    evidence = judged(100, *({**LINE, "port": port} for port in range(1, 8)))
    assert "7 unexplained rejections: www-data to 198.51.100.7 tcp/1 (4 packets); " in evidence.sentence
    assert "tcp/5 (4 packets) and 2 more." in evidence.sentence


@pytest.mark.parametrize(("count", "named", "more"), [(5, 5, ""), (6, 5, " and 1 more."), (9, 5, " and 4 more.")])
def test_the_sentence_names_the_first_five_rejections_and_counts_the_rest(count: int, named: int, more: str) -> None:
    evidence = judged(100, *({**LINE, "address": f"198.51.100.{number}"} for number in range(10, 10 + count)))
    assert len(evidence.unexplained) == count
    assert [f"198.51.100.{number} " in evidence.sentence for number in range(10, 10 + count)].count(True) == named
    assert more in evidence.sentence
    assert (" more" in evidence.sentence) == bool(more)


ENTRY = {"name": "api", "to": ["198.51.100.7"], "services": ["https"]}


@pytest.mark.parametrize(
    ("variables", "explained"),
    [
        ({"egress_allow_x": [ENTRY]}, True),
        ({"egress_allow_x": [{**ENTRY, "users": ["www-data"]}]}, True),
        ({"egress_allow_x": [{**ENTRY, "users": ["33"]}]}, True),
        ({"egress_allow_x": [{**ENTRY, "users": ["payd"]}]}, False),
        ({"egress_allow_x": [{**ENTRY, "services": ["http"]}]}, False),
        ({"egress_never": [{"to": ["198.51.100.0/24"]}]}, True),
        ({"egress_deny_quietly": [{"to": ["198.51.100.7"], "services": ["https"]}]}, True),
        ({"egress_deny_quietly": [{"to": ["198.51.100.7"], "services": ["http"]}]}, False),
    ],
)
def test_what_explains_a_rejection(variables: dict[str, Any], explained: bool) -> None:
    evidence = judged(100, LINE, **variables)
    assert (evidence.ready, evidence.explained) == (explained, int(explained))


@pytest.mark.parametrize("hours", [71, 73, 700])
def test_a_rejection_counts_until_somebody_decides_about_it(hours: int) -> None:
    """A job of once a week was rejected before the hours that are asked for, and would be again."""
    line = {**LINE, "last": NOW - hours * 3600}
    assert not judged(100, line).ready
    assert ("(4 packets), last on 2026-" in judged(100, line).sentence) is (hours > 72)
    assert judged(100, line, egress_allow_x=[ENTRY]).ready
    decided = {"to": ["198.51.100.7"], "reason": "switched off", "date": "2026-11-19"}
    assert judged(100, line, ignored=[decided]).ready
    assert not judged(100, line, ignored=[{**decided, "services": ["http"]}]).ready
    assert not judged(100, line, ignored=[{**decided, "until": "2026-11-19"}]).ready


def test_an_entry_for_a_unit_explains_what_was_before_it_after_the_required_time() -> None:
    """Which unit it was may have been another one; the hours that are asked for are the test of the entry."""
    entry = {"egress_allow_x": [{**ENTRY, "units": ["agent.service"]}]}
    assert not judged(100, {**LINE, "last": NOW - 71 * 3600}, **entry).ready
    assert judged(100, {**LINE, "last": NOW - 73 * 3600}, **entry).ready


def test_a_ledger_without_room_for_every_flow_is_no_evidence() -> None:
    flood = {"user": "www-data", "packets": 19745, "last": NOW - 60}
    evidence = judged(100, overflow=[flood, {**flood, "user": "backup", "packets": 1}])
    assert not evidence.ready
    assert evidence.sentence == (
        "Not ready: observed 100 of 72 h. No Saturday or Sunday yet. The ledger is incomplete: www-data (19745 "
        "packets), backup (1 packet) tried more destinations than it keeps of one user. Fix: stop what floods, or "
        "allow or quietly deny it, and observe again. Override: -e egress_enforce_anyway=true."
    )
    assert judged(100, overflow=[{**flood, "last": NOW - 73 * 3600}]).ready
    both = judged(100, LINE, overflow=[flood]).sentence
    assert "1 unexplained rejection: www-data to" in both
    assert "The ledger is incomplete: www-data" in both


def test_packets_without_ports_or_a_user_are_judged_too() -> None:
    ping = {**LINE, "protocol": 1, "port": None, "uid": None, "user": None}
    assert "no user to 198.51.100.7 icmp (4 packets)" in judged(100, ping).sentence
    assert judged(100, ping, egress_allow_x=[{**ENTRY, "services": ["icmp"]}]).ready


def test_a_host_that_enforces_is_ready_and_one_without_a_policy_is_not() -> None:
    resolved = build(egress_mode="enforce")
    observed: dict[str, Any] = {"confirmed": True, "observes": False, "since": None, "now": NOW, "ledger": []}
    assert judge(resolved, observed, 72).ready
    assert not judge(resolved, {**observed, "confirmed": False}, 72).ready


def test_days_of_the_week() -> None:
    assert unseen_days(NOW - 8 * 86400, NOW) == ()
    assert unseen_days(NOW - 86400, NOW) == ("Monday", "Tuesday", "Wednesday", "Saturday", "Sunday")


def test_times() -> None:
    assert [hours_of(text) for text in (72, "72", "72h", " 3 d", "1w", "0h")] == [72, 72, 72, 72, 168, 0]
    with pytest.raises(DurationError, match="write hours or days"):
        hours_of("soon")


def test_an_observation_without_a_beginning_is_an_answer_that_no_guard_gives() -> None:
    observed = {"confirmed": True, "observes": True, "since": None}
    with pytest.raises(UnexpectedObservation, match=r"observed\.since is null although this host observes"):
        judge(build(egress_mode="observe"), observed, 72)
