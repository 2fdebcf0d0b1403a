# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say a verdict in the policy's words: which entry allows it, what closes it, what comes nearest, whom to ask."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    FLOOR_CHAIN,
    OUTPUT_CHAIN,
    TEMPORARY_ALLOW_COMMENT,
    is_entry_chain,
)

from .explain import Explanation

ALLOWED, WOULD_REJECT, REJECTED = "allowed", "would_reject", "rejected"
"""Decisions, as in flow records."""
_NEVER = re.compile(r"never (\d+)")


def answer(explanation: Explanation, settings: Settings) -> dict[str, Any]:
    """Return a verdict as plain values.

    decision: see above. entry: that allows it. never: the variable that closes it, with its reason. nearest: entries
    that allow it for another user or service. contact: whom to ask, "" where it is allowed. by: what else decides.
    """
    rejected = explanation.verdict != "accept"
    decision = REJECTED if rejected else WOULD_REJECT if explanation.only_observed else ALLOWED
    entry = explanation.rule if decision == ALLOWED and is_entry_chain(explanation.chain) else None
    return {
        "decision": decision,
        "entry": entry,
        "never": None if decision == ALLOWED else _never(explanation, settings),
        "nearest": explanation.nearly,
        "contact": "" if decision == ALLOWED else settings.contact,
        "by": "" if entry or decision != ALLOWED else _by(explanation),
        "doubts": explanation.doubts,
    }


def sentences(about: dict[str, Any], flow: str) -> list[str]:
    """Return an answer as lines for a person."""
    if about["decision"] == ALLOWED:
        by = f" by entry {about['entry']}" if about["entry"] else about["by"] and f" by {about['by']}"
        first = f"{flow}: allowed{by}."
    else:
        why = f"egress_never closes it ({about['never']})" if about["never"] else "no entry allows it"
        observed = "allowed, because this host only observes; mode enforce would reject it"
        first = f"{flow}: {'rejected' if about['decision'] == REJECTED else observed}: {why}."
    lines = [first, *(f"  nearest: {nearest}" for nearest in about["nearest"])]
    lines += [f"  ask: {about['contact']}"] if about["contact"] else []
    return lines + [f"  not evaluated: {doubt}" for doubt in about["doubts"]]


def _never(explanation: Explanation, settings: Settings) -> str | None:
    numbers = [int(match[1]) for match in map(_NEVER.fullmatch, explanation.through) if match]
    if not numbers:
        return None
    known = len(settings.never) >= numbers[-1]
    return settings.never[numbers[-1] - 1] if known else f"element {numbers[-1]}"


def _by(explanation: Explanation) -> str:
    if not explanation.chain:
        return "default: no rule of tidegate applies to it"
    if explanation.rule == TEMPORARY_ALLOW_COMMENT:
        return "a temporary opening"
    if explanation.chain in (FLOOR_CHAIN, OUTPUT_CHAIN) and explanation.rule:
        return f"the floor ({explanation.rule})"
    return f'rule "{explanation.rule}" in {explanation.chain}' if explanation.rule else f"chain {explanation.chain}"
