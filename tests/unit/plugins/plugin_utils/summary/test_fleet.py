# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the fleet: the worst first, unknown is never blank."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.level import level
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import Evidence
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary import fleet
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build

FINE: dict[str, Any] = {
    "table": "confirmed",
    "saved": "ok",
    "pending": None,
    "watcher": True,
    "allowed": [],
    "events": {"edited": 1, "lost": 2},
    "nft": "1.0.6",
}
EVIDENCE = Evidence(ready=False, sentence="Not ready: observed 71 of 72 h.", hours=71.4, required_hours=72)
PENDING = {"token": "t", "kind": "timer", "what": "add 1 rule", "seconds": 20}

DOWN = {"answers": False, "problem": "nothing answers on port 3128"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0),
        ({"pending": PENDING, "table": "pending"}, 0),
        ({"pending": PENDING, "table": "pending", "saved": "none"}, 0),
        ({"pending": {**PENDING, "seconds": -1}, "table": "pending"}, 1),
        ({"table": "edited"}, 1),
        ({"table": "emergency", "pending": PENDING}, 1),
        ({"watcher": False}, 1),
        ({"saved": "it is damaged or was edited"}, 1),
        ({"table": "absent", "watcher": False}, 2),
        ({"proxy": {"answers": True, "problem": ""}, "resolver": None}, 0),
        ({"proxy": DOWN}, 1),
        ({"resolver": DOWN, "proxy": None}, 1),
    ],
)
def test_what_somebody_must_look_at_is_not_ok(changes: dict[str, Any], expected: int) -> None:
    assert level({**FINE, **changes}) == expected


def test_the_worst_comes_first_and_what_is_unknown_is_said() -> None:
    observing = fleet.row(build(egress_mode="observe"), FINE, EVIDENCE)
    lines = fleet.table(
        [
            observing,
            {**fleet.row(build(), {**FINE, "table": "edited"}, EVIDENCE), "host": "app2"},
            fleet.no_data("app3"),
            {**fleet.row(build(), {**FINE, "table": "absent"}, EVIDENCE), "host": "app4"},
        ]
    )
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["app4", "critical"],
        ["app2", "warning"],
        ["app1", "ok"],
        ["app3", "no"],
    ]
    assert lines[3].split() == [
        "app1",
        "ok",
        "app",
        "observe",
        "confirmed",
        "71",
        "h",
        "0",
        "no",
        "3",
        "0",
        "yes",
        "1.0.6",
    ]
    assert "app3: gave no answer" in lines
    assert "app1: Not ready: observed 71 of 72 h." in lines
    assert lines[-1].startswith("1 of 4 hosts ok, ")


def test_what_is_wrong_with_a_proxy_is_said_below_the_table() -> None:
    lines = fleet.table([fleet.row(build(), {**FINE, "proxy": DOWN}, EVIDENCE)])
    assert "app1: proxy: nothing answers on port 3128" in lines


def test_hosts_that_need_attention_are_named() -> None:
    assert str(fleet.NotOk(["app2"])).startswith("1 host needs attention: app2. ")
    assert str(fleet.NotOk(["app2", "app3"])).startswith("2 hosts need attention: app2, app3. ")


def test_units_that_a_host_does_not_have_are_named_and_need_nobody_at_once() -> None:
    units = {"named": ["agent.service", "late.service"], "missing": ["late.service"], "stopped": [], "by_systemd": True}
    row = fleet.row(build(egress_mode="enforce"), {**FINE, "units": units}, EVIDENCE)
    assert (row["level"], row["note"]) == ("ok", "entries open nothing to units that it does not have: late.service")
