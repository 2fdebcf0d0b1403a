# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of many hosts as what a tier talked to."""

from __future__ import annotations

import time

from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import by_destination, together
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.suggest.made import DAY, START, record


def test_hosts_are_joined_and_users_and_tiers_are_not() -> None:
    lines = by_destination(
        [
            record("app1", packets=2, last=START + 5),
            record("app2", packets=3, name="api.example", answered=True),
            record("app2", user="www-data"),
            record("app2", user=None),
            record("db1", tier="database"),
        ]
    )
    assert [(line.tier, line.user, sorted(line.hosts), line.packets) for line in lines] == [
        ("app", "990", ["app2"], 12),
        ("app", "payd", ["app1", "app2"], 5),
        ("app", "www-data", ["app2"], 12),
        ("database", "payd", ["db1"], 12),
    ]
    assert (lines[1].first, lines[1].last, lines[1].names, lines[1].answered) == (
        START,
        START + DAY,
        frozenset({"api.example"}),
        True,
    )
    assert lines[1].service == "tcp/8443"


def test_what_is_not_known_stays_unknown() -> None:
    line = together(by_destination([record(answered=None, first=None, last=None, packets=None)]))
    assert (line.answered, line.first, line.last, line.packets) == (None, 0, 0, 0)


def test_protocols_without_a_name_or_a_port() -> None:
    lines = by_destination([record(protocol="icmp", port=8), record(protocol="200", port=None)])
    assert [line.service for line in lines] == ["proto/200", "icmp"]


def test_two_hundred_thousand_records_take_seconds() -> None:
    records = [record(f"app{number % 1000}", destination=f"10.9.{number // 1000}.1") for number in range(200_000)]
    began = time.process_time()
    assert len(by_destination(records)) == 200
    assert time.process_time() - began < 20
