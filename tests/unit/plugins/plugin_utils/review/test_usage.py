# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What used an entry, and which parts of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import Recorder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.usage import parts, refused, usage
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.suggest.made import record

ENTRY = entry(to=["203.0.113.0/24", "198.51.100.9"], services=["https", "tcp/8443"], users=["payd", "www-data"])


def line(**changes: Any) -> dict[str, Any]:
    return {
        "address": "203.0.113.9",
        "protocol": 6,
        "port": 443,
        "uid": 990,
        "user": "payd",
        "packets": 3,
        "first": 10.0,
        "last": 20.0,
        **changes,
    }


def test_hits_and_parts_are_those_of_real_flows() -> None:
    resolved = build(egress_allow_app=[ENTRY])
    lines = [line(), line(last=30.0), line(user="root", uid=0), line(address="8.8.8.8")]
    assert usage(resolved, Recorder(resolved).of_allowed(lines)) == {
        "api": {"hits": 6, "last": 30, "parts": ["203.0.113.0/24", "https", "payd"]}
    }


def test_refusals_are_counted_by_user_and_decision() -> None:
    records = [record(), record(port=80), record(decision="rejected"), record(user=None, packets=99)]
    records.append(record(user="root", uid=0, unit="agent.service", packets=1))
    assert refused(records) == [
        {"user": "990", "decision": "would_reject", "flows": 1, "packets": 99},
        {"user": "payd", "decision": "would_reject", "flows": 2, "packets": 24},
        {"user": "payd", "decision": "rejected", "flows": 1, "packets": 12},
        {"user": "agent.service (root)", "decision": "would_reject", "flows": 1, "packets": 1},
    ]


def test_parts_are_what_an_entry_has_several_of() -> None:
    resolved = build(egress_allow_app=[ENTRY, entry(name="one", services=["http"])])
    by_name = {each.name: each for each in resolved.entries}
    assert parts(by_name["api"]) == ["https", "tcp/8443", "payd", "www-data", "203.0.113.0/24", "198.51.100.9"]
    assert parts(by_name["one"]) == []
