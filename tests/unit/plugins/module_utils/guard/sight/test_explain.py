# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts of a listed table for units; tests/integration/guard/test_why.py has all other rules, by real nft."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import explain
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.evaluate import Packet

CHAIN = {"name": "egress_output", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}


def rule(set_name: str, comment: str) -> dict[str, Any]:
    """Return a rule as nft lists it: the level of the cgroup is not there."""
    address = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.0.0.1"}}
    unit = {"match": {"op": "==", "left": {"socket": {"key": "cgroupv2"}}, "right": f"@{set_name}"}}
    return {"rule": {"chain": CHAIN["name"], "comment": comment, "expr": [unit, address, {"accept": None}]}}


OBJECTS = [{"chain": CHAIN}, rule("units_a.service", "telemetry"), rule("units_batch.slice", "batch")]
SETS = {"units_a.service": ["a.service"], "units_batch.slice": ["batch.slice", "restic@.service"]}


def why(*units: str) -> explain.Explanation:
    packet = Packet(ipaddress.ip_address("10.0.0.1"), "tcp", 443, 0, 0.0, units=frozenset(units), unit_sets=SETS)
    return explain.why(OBJECTS, packet)


def test_a_unit_passes_by_the_sets_that_are_about_it() -> None:
    assert (why("a.service").verdict, why("a.service").rule) == ("accept", "telemetry")
    assert why("x.service", "batch.slice").rule == "batch"
    assert why("restic@home.service", "restic@.service").rule == "batch"


def test_another_one_does_not_and_is_told_which_would() -> None:
    for units in ((), ("b.service",)):
        answer = why(*units)
        assert answer.verdict == "drop"
        assert not answer.doubts
        assert answer.nearly == [
            "telemetry, for unit a.service",
            "batch, for unit batch.slice or restic@.service",
        ]
