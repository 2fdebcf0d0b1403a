# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of what-if shows can be written in a policy as it stands there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import report


@pytest.mark.parametrize(
    ("protocol", "port", "text"),
    [
        (6, 443, "tcp/443"),
        (1, 8, "icmp"),
        (58, 128, "icmp"),
        (58, None, "icmp"),
        (136, 53, "udplite/53"),
        (47, None, "proto/47"),
        (6, None, "proto/6"),
    ],
)
def test_a_flow_is_shown_with_a_service_of_the_policy(protocol: int, port: int | None, text: str) -> None:
    shown = report._service({"protocol": protocol, "port": port})
    literal = services.parse_literal(shown)
    assert shown == text
    assert literal is not None
    assert literal.contains(protocol, port or 0)


def group(destination: str, port: int, cause: str = "unlisted", uid: int | None = None) -> dict[str, Any]:
    sums = {"flows": 3, "packets": 3, "bytes": 300, "first": 1, "last": 2}
    named = {"destination": destination, "protocol": 6, "port": port, "uid": uid, "cause": cause}
    return {**named, **sums, "users": [], "entry": None}


def answer(host: str, tier: str, *rejected: dict[str, Any]) -> dict[str, Any]:
    totals = {f"{name}_total": {"flows": 0, "bytes": 0} for name in ("rejected", "depends", "allowed", "dropped")}
    return {
        "host": host,
        "tier": tier,
        "rejected": list(rejected),
        "depends": [],
        "unreadable": 0,
        "entries": {},
        **totals,
    }


def test_what_would_be_rejected_is_offered_as_entries_for_each_tier() -> None:
    answers = [
        answer("app1", "app", group("203.0.113.7", 443), group("169.254.169.254", 80, "never")),
        answer("app2", "app", group("203.0.113.7", 443), group("203.0.113.8", 443)),
        answer("db1", "database", group("10.0.0.7", 9001, uid=33)),
    ]
    logs = {"records": 9, "skipped": {}, "damaged": {}, "empty": []}
    text = report.markdown(logs, answers, [])
    assert yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0]) == {
        "egress_allow_app_observed": [
            {
                "name": "anyone-https",
                "to": ["203.0.113.7", "203.0.113.8"],
                "services": ["https"],
                "reason": "9 flows in the logs; why?",
            }
        ],
        "egress_allow_database_observed": [
            {
                "name": "33-tcp-9001",
                "to": ["10.0.0.7"],
                "services": ["tcp/9001"],
                "users": ["33"],
                "reason": "3 flows in the logs; why?",
            }
        ],
    }
    assert "```yaml" not in report.markdown(logs, answers[:0], [])
