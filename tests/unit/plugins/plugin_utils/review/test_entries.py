# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a review: what is found about an entry, and what is not said without evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.decisions import DecisionError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.dismissals import Dismissal, dismissals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.entries import (
    FINDINGS,
    HostUsage,
    Row,
    Times,
    refusals,
    rows,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import TODAY, build, entry

DAY = 86400
NOW = 1_795_219_200.0
LONG = NOW - 100 * DAY
FULL = {"owner": "infra", "reason": "packages"}
USED = {"api": {"hits": 5, "last": int(NOW) - DAY, "parts": ["https", "203.0.113.0/24"]}}


def review(
    *entries: dict[str, Any],
    used: dict[str, HostUsage] | None = None,
    changed: float | None = LONG,
    keep: list[Dismissal] | None = None,
    **variables: Any,
) -> list[Row]:
    resolved = build(egress_allow_app=list(entries), **variables)
    noted = {"app1": HostUsage(usage=USED, since=LONG), "app2": HostUsage(usage={}, since=LONG)}
    times = Times(now=NOW, unused_days=90, changed=lambda _origin: changed)
    fleet = {"app1": resolved, "app2": resolved}
    return rows(fleet, noted if used is None else used, times, keep or [])


def kinds(row: Row) -> list[str]:
    return [finding.kind for finding in row.findings]


def test_an_entry_is_one_row_on_however_many_hosts() -> None:
    (row,) = review(entry(**FULL))
    assert (row.name, row.hosts, row.tiers, row.hits, row.last) == (
        "api",
        ("app1", "app2"),
        ("app",),
        5,
        int(NOW) - DAY,
    )
    assert (row.owner, row.reason, row.changed, kinds(row)) == ("infra", "packages", LONG, [])


def test_what_nothing_used_is_unused_and_so_is_a_part() -> None:
    other, row = review(
        entry(to=["203.0.113.0/24", "198.51.100.9"], services=["https", "http"], **FULL),
        entry(name="old", to=["198.51.100.20"], **FULL),
    )
    assert (other.name, kinds(other)) == ("old", ["unused"])
    assert [finding.text for finding in row.findings] == [
        "http is unused for 90 days",
        "198.51.100.9 is unused for 90 days",
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"used": {"app1": HostUsage(usage=USED, since=LONG)}}, "1 host did not note what is allowed"),
        ({"used": {name: HostUsage(since=None) for name in ("app1", "app2")}}, "2 hosts did not note"),
        ({"used": {name: HostUsage(since=NOW - 80 * DAY) for name in ("app1", "app2")}}, "noted for less than 90 days"),
        ({"used": {name: HostUsage(since=LONG, left_out=1) for name in ("app1", "app2")}}, "has not everything"),
        ({"changed": NOW - 10 * DAY}, "changed within 90 days"),
        ({"changed": None}, "when it was changed is not known"),
    ],
)
def test_nothing_is_called_unused_without_evidence_for_all_of_the_time(changes: dict[str, Any], why: str) -> None:
    rows = review(entry(name="old", services=["https", "http"], **FULL), **changes)
    assert why in rows[0].judged
    assert kinds(rows[0]) == []


def test_an_entry_that_a_proxy_opens_is_not_called_unused_by_the_hosts_ledgers() -> None:
    through: dict[str, Any] = {"egress_names": "proxy", "egress_proxies": ["10.0.0.30"]}
    rows = {row.name: row for row in review(entry(name="code", to=["git.example.com"], **FULL), **through)}
    assert (rows["code"].judged, rows["code"].hits) == ("only the log of its proxy knows", None)
    assert "unused" not in kinds(rows["code"])


def test_refusals_are_added_up_over_hosts() -> None:
    resolved = build()
    one = {"user": "payd", "decision": "rejected", "flows": 2, "packets": 5}
    used = {name: HostUsage(refused=[one, {**one, "user": "", "packets": 90}]) for name in ("app1", "app2")}
    assert refusals({"app1": resolved, "app2": resolved}, used) == [
        {"tier": "app", "user": "no user", "decision": "rejected", "hosts": 2, "flows": 4, "packets": 180},
        {"tier": "app", "user": "payd", "decision": "rejected", "hosts": 2, "flows": 4, "packets": 10},
    ]


def test_the_overdue_come_first() -> None:
    yesterday = TODAY - dt.timedelta(days=1)
    rows = review(
        entry(**FULL),
        entry(name="due", to=["203.0.113.7"], review_by=yesterday, **FULL),
        entry(name="over", to=["203.0.113.8"], expires=yesterday, **FULL),
        entry(name="bare", to=["198.51.100.1"]),
    )
    assert [(row.name, row.overdue) for row in rows] == [
        ("over", True),
        ("due", True),
        ("bare", False),
        ("api", False),
    ]
    assert set(kinds(rows[2])) == {"unused", "no_owner", "no_reason"}


def test_what_policies_say_about_entries_is_in_the_review() -> None:
    raised = {"name": "raised", "to": ["8.0.0.0/7"], "services": ["https"], "review_by": "2099-01-01", **FULL}
    rows = review(
        entry(**FULL),
        entry(name="inner", to=["203.0.113.9"], **FULL),
        entry(name="outer", to=["198.51.100.1"], approximate="wider", **FULL),
        {**entry(name="bundle", **FULL), "to": ["known:old"]},
        egress_ceiling_raise_app=[raised],
        egress_names="resolver",
        egress_dns_servers=["10.0.0.53"],
        egress_known={"old": {"names": ["api.billing.example"], "read": "2024-11-01"}},
    )
    by_name = {row.name: kinds(row) for row in rows}
    assert "above_ceiling" in by_name["raised"]
    assert "redundant" in by_name["inner"]
    assert "approximate" in by_name["outer"]
    assert "known_old" in by_name["bundle"]


def test_a_dismissed_finding_is_still_there_with_its_reason() -> None:
    yesterday = TODAY - dt.timedelta(days=1)
    keep = dismissals(
        [{"entry": "api", "finding": "review_due", "reason": "next week", "date": "2026-11-20"}], FINDINGS, TODAY
    )
    (row,) = review(entry(review_by=yesterday, **FULL), keep=keep)
    assert not row.overdue
    assert [finding.dismissed.text for finding in row.findings if finding.dismissed] == [
        "kept on 2026-11-20: next week"
    ]


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({"entry": "api", "finding": "review_due", "date": "2026-11-20"}, "has no reason"),
        ({"entry": "api", "finding": "review_due", "reason": "x"}, "has no date"),
        ({"entry": "api", "finding": "ugly", "reason": "x", "date": "2026-11-20"}, '"ugly" is none'),
        ({"entry": "api", "finding": "unused", "reason": "x", "date": "soon"}, "is not a day"),
    ],
)
def test_a_dismissal_needs_reason_and_date(item: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DecisionError, match=complaint):
        dismissals([item], FINDINGS, TODAY)


def test_a_dismissal_ends() -> None:
    item = {"entry": "api", "finding": "unused", "reason": "x", "date": "2026-11-01", "until": "2026-11-02"}
    assert dismissals([item], FINDINGS, TODAY) == []
