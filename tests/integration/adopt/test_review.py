# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""review.yml on one host: what is unused is known from what was allowed, and a scheduled job fails for the overdue."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_playbooks import named
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.project import Run

REVIEW = "tidegate.nftables.review"
ABOUT = {"owner": "infra", "reason": "packages"}
ENTRIES = [
    {"name": "used", "to": ["198.51.100.9"], "services": ["udp/9999", "udp/9998"], **ABOUT},
    {"name": "late", "to": ["198.51.100.10"], "services": ["https"], "review_by": "2026-01-31", **ABOUT},
]


def review(project: HostProject, *options: str) -> Run:
    return named(project, REVIEW, *(word for option in options for word in ("-e", option)))


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def row(project: HostProject, name: str) -> dict[str, str]:
    """Return the row of an entry, which has the same texts in the other files."""
    rows = {each["entry"]: each for each in csv.DictReader(io.StringIO(project.read("out/review.csv")))}
    for file in ("out/review.md", "out/review.html"):
        assert name in project.read(file)
    return rows[name]


def test_the_review_of_a_fleet(connected: HostProject) -> None:
    entries: dict[str, Any] = {"egress_ledger": "all", "egress_allow_app": ENTRIES}
    connected.write("group_vars/app/egress.yml", {**connected.app, **entries})
    applied = connected.play()
    assert applied.code == 0, applied.output
    day = today()
    for _time in range(2):
        connected.send("198.51.100.9", 9999)
    overdue = review(connected, "egress_review_dir=out")
    assert overdue.code != 0
    assert "OVERDUE: has been due for review since 2026-01-31" in overdue.output
    assert "1 entry is overdue: late." in overdue.output
    used = row(connected, "used")
    assert (used["hits"], used["owner"], used["reason"], used["tiers"]) == ("2", "infra", "packages", "app")
    assert used["last hit"] in (day, today())  # which differ at midnight
    assert used["hosts"] == "1: app1"
    assert used["unused"] == "not judged: noted for less than 90 days"
    # A decision with a reason ends it, and a year later nothing is said without evidence either.
    keep = [{"entry": "late", "finding": "review_due", "reason": "next week", "date": "2026-11-20"}]
    connected.write("group_vars/app/egress.yml", {**connected.app, **entries, "egress_review_keep": keep})
    decided = review(connected, "egress_review_dir=out", "egress_review_unused_days=0")
    assert decided.code == 0, decided.output
    assert row(connected, "late")["dismissed"] == "review_due kept on 2026-11-20: next week"
    assert row(connected, "used")["unused"] == "not judged: when it was changed is not known"
    assert json.loads(Paths(str(connected.root)).settings.read_text())["tier"] == "app"
