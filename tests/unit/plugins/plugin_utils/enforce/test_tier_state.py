# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tier is learning, settling or stable, and enforce is safe where it would go through on every host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.tier_state import TierState, tier_state

HOUR = 3600
NOW = 1000 * HOUR


def state(*evidence: tuple[bool, float], **changes: Any) -> TierState:
    """evidence: (ready, hours) of each host."""
    hosts = [{"ready": ready, "hours": hours, "required_hours": 72} for ready, hours in evidence]
    arguments: dict[str, Any] = {"silent": 0, "enforced": False, "newest": 0.0, "now": float(NOW), **changes}
    return tier_state("app", hosts, **arguments)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (state((True, 400), (True, 336)), "app: stable: nothing new for 14 days, enforce is safe"),
        (state((True, 400), newest=NOW - 144 * HOUR), "app: stable: nothing new for 6 days, enforce is safe"),
        (state((True, 80), (False, 80)), "app: settling: 1 host not ready, enforce is not safe"),
        (
            state((True, 80), (False, 80), newest=NOW - 5 * HOUR),
            "app: learning: something new 5 hours ago, enforce is not safe",
        ),
        (state((True, 80), silent=2), "app: unknown: no evidence of 2 hosts"),
        (state(), "app: unknown: no evidence of 0 hosts"),
        # A clock ahead of ours makes nothing safe.
        (
            state((False, 80), newest=NOW + 400 * HOUR),
            "app: learning: something new 0 hours ago, enforce is not safe",
        ),
        (state((True, 0), enforced=True), "app: enforced: enforces its policy"),
    ],
)
def test_states(summary: TierState, expected: str) -> None:
    assert summary.sentence == expected


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("newest", [0, NOW - HOUR, NOW - 100 * HOUR])
def test_enforce_is_safe_exactly_where_every_host_is_ready(ready: bool, silent: int, newest: float) -> None:
    assert state((True, 80), (ready, 80), silent=silent, newest=newest).safe is (ready and not silent)
