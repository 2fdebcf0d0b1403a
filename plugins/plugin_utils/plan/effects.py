# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one change of one host does, as a few sentences: what opens and closes and for whom, which guard is weaker."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

from .annotations import entry_text
from .compare import compare
from .model import EgressPlan, HostPolicy, ReachChange, Whose
from .wording import reach_rows

SHOWN = 8
"""Sentences of one change; the rest is counted."""
_WHOSE: dict[Whose, tuple[str, str]] = {
    "host": ("to", ""),
    "containers": ("to", "containers, "),
    "inbound": ("from", ""),
}


def effects(before: ResolvedPolicy | None, after: ResolvedPolicy) -> list[str]:
    """Return sentences about the change from one policy of a host to another; [] when no packet and no guard changes.

    before: None for the first one.
    """
    if before is None:
        return [first(after)]
    plan = compare({after.host: HostPolicy(before)}, {after.host: HostPolicy(after)}, name="")
    sentences = list(_sentences(plan))
    rest = len(sentences) - SHOWN
    return sentences if rest <= 0 else [*sentences[:SHOWN], f"and {count(rest, 'more change')}"]


def first(resolved: ResolvedPolicy) -> str:
    """Return the sentence about the first policy of a host."""
    entries = count(len(resolved.entries), "entry", "entries")
    tier = f" of tier {resolved.tier}" if resolved.tier else ""
    return f"first policy{tier}: mode {resolved.mode}, {entries}"


def _sentences(plan: EgressPlan) -> Iterator[str]:
    yield from (f"opened: {change.text}" for change in plan.of("opens"))
    for change in plan.allowed:
        yield from _reach("opened", "by", change)
    yield from (f"closed: {change.text}" for change in plan.of("closes"))
    for change in plan.closed:
        yield from _reach("closed", "because", change)
    for direction in ("weakened", "strengthened"):
        yield from (f"guard {direction}: {change.text}" for change in plan.of(direction))
    yield from (change.text for change in plan.of("changed"))
    if not (plan.allowed or plan.closed or plan.settings):
        yield from map(entry_text, plan.entries)


def _reach(verb: str, why: str, change: ReachChange) -> Iterator[str]:
    side, sender = _WHOSE[change.whose]
    causes = f" ({why} {', '.join(cause.text for cause in change.causes)})" if change.causes else ""
    for who, addresses, services in reach_rows(change.reach, words=change.words):
        yield f"{verb} for {sender}{who}: {side} {addresses} with {services}{causes}"
