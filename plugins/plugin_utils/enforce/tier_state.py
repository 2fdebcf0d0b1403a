# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine thinks of a tier: learning, settling or stable. Enforce is safe where every host of it is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

LEARNING_HOURS = 24
"""A new kind of flow within so many hours means that the tier is still learning; less where less must be observed."""


@dataclass(frozen=True, kw_only=True)
class TierState:
    """tier: its name. state: enforced, learning, settling, stable, or unknown without data of every host.

    hours: for how long nothing unexplained was new. safe: whether enforce would go through on every host.
    sentence: all of it for people.
    """

    tier: str
    state: str
    hours: int
    safe: bool
    sentence: str


def tier_state(
    name: str, evidence: Sequence[Mapping[str, Any]], *, silent: int, enforced: bool, newest: float, now: float
) -> TierState:
    """Return the state of a tier. evidence: of its hosts, the fields of evidence.Evidence.

    silent: hosts that gave none. enforced: whether every host enforces already. newest: when the newest kind of
    unexplained flow was first seen, now: both in seconds since 1970; 0 for none.
    """
    hours = min((int(each["hours"]) for each in evidence), default=0)
    if newest:
        hours = min(hours, max(0, int((now - newest) // 3600)))
    ready = all(each["ready"] for each in evidence)
    required = max((int(each["required_hours"]) for each in evidence), default=0)
    not_ready = sum(not each["ready"] for each in evidence)
    if enforced and not silent:
        state, text = "enforced", "enforces its policy"
    elif silent or not evidence:
        state, text = "unknown", f"no evidence of {count(silent, 'host')}"
    elif ready:
        state, text = "stable", f"nothing new for {_length(hours)}, enforce is safe"
    elif newest and now - newest < min(LEARNING_HOURS, required) * 3600:
        state, text = "learning", f"something new {_length(hours)} ago, enforce is not safe"
    else:
        state, text = "settling", f"{count(not_ready, 'host')} not ready, enforce is not safe"
    return TierState(tier=name, state=state, hours=hours, safe=state == "stable", sentence=f"{name}: {state}: {text}")


def _length(hours: int) -> str:
    return count(hours, "hour") if hours < 48 else count(hours // 24, "day")
