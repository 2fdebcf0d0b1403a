# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that people decided to leave, with reason and date: a variable, so it lives in the repository."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.decisions import (
    DecisionError,
    date,
    items,
    mapping,
    text,
)

KEEP = "egress_review_keep"
_KEYS = ("entry", "finding", "reason", "date", "until")


@dataclass(frozen=True, kw_only=True)
class Dismissal:
    """A finding about an entry that stays as it is. date: of the decision; until: its last day, None for no end."""

    entry: str
    finding: str
    reason: str
    date: dt.date
    until: dt.date | None = None

    def covers(self, entry: str, finding: str) -> bool:
        """Return whether the decision is about a finding."""
        return (entry, finding) == (self.entry, self.finding)

    @property
    def text(self) -> str:
        """The decision in words."""
        end = f", until {self.until}" if self.until else ""
        return f"kept on {self.date}{end}: {self.reason}"


def dismissals(value: Any, kinds: Collection[str], today: dt.date) -> list[Dismissal]:
    """Return the decisions in egress_review_keep that still hold. kinds: of findings. Raise DecisionError."""
    decisions = [_dismissal(item, f"{KEEP}[{place}]", kinds) for place, item in enumerate(items(value, KEEP))]
    return [each for each in decisions if each.until is None or each.until >= today]


def _dismissal(item: Any, place: str, kinds: Collection[str]) -> Dismissal:
    read = mapping(item, place, _KEYS, ("entry", "finding", "reason", "date"))
    if read["finding"] not in kinds:
        raise DecisionError(f'{place}.finding: "{read["finding"]}" is none. Fix: write one of {", ".join(kinds)}.')
    return Dismissal(
        entry=text(read["entry"], f"{place}.entry"),
        finding=str(read["finding"]),
        reason=text(read["reason"], f"{place}.reason"),
        date=date(read["date"], f"{place}.date"),
        until=None if read.get("until") is None else date(read["until"], f"{place}.until"),
    )
