# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Markdown, for a merge request and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count, noun
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Sockets

from .model import (
    FAILING,
    Direction,
    EgressPlan,
    EntryChange,
    ReachChange,
    ReviewKind,
    SettingChange,
    TestOutcome,
    Whose,
)
from .wording import difference_text, reach_rows

_TEST_OUTCOMES: dict[TestOutcome, str] = {
    "now_passes": "now passes",
    "now_fails": "**now fails**",
    "fails": "**fails**",
}
_WHOSE: dict[Whose, tuple[str, str]] = {
    "host": ("", "to"),
    "containers": ("containers of ", "to"),
    "inbound": ("", "from"),
}
"""Whose packets: what stands before the hosts, and the title of the addresses' column."""

_GUARDS: tuple[Direction, ...] = ("weakened", "strengthened", "changed")


def markdown(plan: EgressPlan) -> str:
    """Return the whole plan; it ends with a newline."""
    lines = [f"# Egress: what changes against {plan.base}", "", summary(plan), ""]
    for title, part in (
        ("Errors", _remarks(plan, "error")),
        (f"Errors in {plan.base}", _remarks(plan, "base_error")),
        ("For review", _remarks(plan, *get_args(ReviewKind))),
        ("Newly allowed", _packets(plan.of("opens"), plan.allowed, "by")),
        ("No longer allowed", _packets(plan.of("closes"), plan.closed, "because")),
        ("Guards", _guards(plan)),
        ("Entries", _entries(plan.entries)),
        ("Tests", _tests(plan)),
        ("Hosts", _hosts(plan)),
    ):
        body = list(part)
        if body:
            lines += [f"## {title}", "", *body, ""]
    return "\n".join([*lines, _counts(plan), ""])


def summary(plan: EgressPlan) -> str:
    """Return the plan in one sentence, with what several hosts share counted once: `2 openings, 1 guard weakened.`"""
    openings, closings = (
        len(sentences) + len({(change.whose, row) for change in changes for row in reach_rows(change.reach)})
        for sentences, changes in ((plan.of("opens"), plan.allowed), (plan.of("closes"), plan.closed))
    )
    weakened, strengthened, changed = (len(plan.of(each)) for each in ("weakened", "strengthened", "changed"))
    failing = sum(test.outcome in FAILING for test in plan.tests)
    passing = sum(test.outcome == "now_passes" for test in plan.tests)
    errors = sum(remark.kind == "error" for remark in plan.remarks)
    counts = (
        (errors, f"{count(errors, 'error')} in the policies"),
        (failing, f"{count(failing, 'policy test')} {noun(failing, 'fails', 'fail')}"),
        (openings, count(openings, "opening")),
        (closings, count(closings, "closing")),
        (weakened, f"{count(weakened, 'guard')} weakened"),
        (strengthened, f"{count(strengthened, 'guard')} strengthened"),
        (changed, f"{count(changed, 'setting')} changed"),
        (passing, f"{count(passing, 'policy test')} {noun(passing, 'passes', 'pass')} now"),
        (len(plan.appeared), f"{count(len(plan.appeared), 'host')} with a policy for the first time"),
        (len(plan.vanished), f"{count(len(plan.vanished), 'host')} without one now"),
    )
    parts = [text for number, text in counts if number]
    if parts:
        return f"{', '.join(parts)}."
    if plan.entries:
        entries = count(len(plan.entries), "entry", "entries")
        return f"No packet and no guard changes; {entries} {noun(len(plan.entries), 'is', 'are')} written differently."
    return "Nothing changes."


def _remarks(plan: EgressPlan, *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for remark in plan.remarks:
            if remark.kind == kind:
                yield f"- {_origin(remark.origin)}{remark.text}: {remark.hosts}"


def _packets(sentences: Sequence[SettingChange], changes: Sequence[ReachChange], why: str) -> Iterator[str]:
    for sentence in sentences:
        yield f"- {_origin(sentence.origin)}{sentence.text}: {sentence.hosts}"
    for number, change in enumerate(changes):
        whose, side = _WHOSE[change.whose]
        causes = f", {why} {', '.join(cause.text for cause in change.causes)}" if change.causes else ""
        if number or sentences:
            yield ""
        yield f"{whose}{change.hosts}{causes}:"
        yield ""
        yield f"| who | {side} | with |"
        yield "| --- | --- | --- |"
        for row in reach_rows(change.reach, words=change.words):
            yield f"| {' | '.join(row)} |"


def _guards(plan: EgressPlan) -> Iterator[str]:
    for direction in _GUARDS:
        for change in plan.of(direction):
            yield f"- {direction}: {_origin(change.origin)}{change.text}: {change.hosts}"


def _entries(changes: Sequence[EntryChange]) -> Iterator[str]:
    for entry in changes:
        users = f" as {Sockets(entry.users, entry.units)}" if entry.users or entry.units else ""
        inbound = " (inbound)" if entry.kind == "inbound" else ""
        before = f" from {entry.before}" if entry.before else ""
        yield f"- **{entry.name}** {entry.outcome}{before}{inbound}: {entry.hosts}"
        if entry.outcome == "renamed":
            continue
        yield f"  - {', '.join(entry.to)} with {', '.join(entry.services)}{users}"
        details = [
            entry.owner and f"owner {entry.owner}",
            entry.reason and f"reason: {entry.reason}",
            f"expires {entry.expires}" if entry.expires else "never expires",
            entry.origin and f"`{entry.origin}`",
        ]
        yield f"  - {'; '.join(detail for detail in details if detail)}"
        for change in entry.changes:
            yield f"  - {difference_text(*change)}"


def _tests(plan: EgressPlan) -> Iterator[str]:
    for test in plan.tests:
        if test.outcome in _TEST_OUTCOMES:
            failure = f": {test.failure}" if test.failure else ""
            outcome = _TEST_OUTCOMES[test.outcome]
            yield f"- {_origin(test.origin)}{test.where} {outcome}{failure}: {test.hosts}"
    for outcome, text in (("passes", "as before"), ("added", "for the first time")):
        passing = sum(test.outcome == outcome for test in plan.tests)
        if passing:
            yield f"- {count(passing, 'test')} {noun(passing, 'passes', 'pass')} {text}"


def _hosts(plan: EgressPlan) -> Iterator[str]:
    if plan.appeared:
        yield f"- newly with a policy: {', '.join(plan.appeared)}"
    if plan.vanished:
        yield f"- gone from the inventory, or without a tier now: {', '.join(plan.vanished)}"


def _counts(plan: EgressPlan) -> str:
    hosts = f"{count(plan.hosts, 'host')} {noun(plan.hosts, 'was', 'were')}"
    without = f"{count(plan.unmanaged, 'host')} without egress_tier {noun(plan.unmanaged, 'was', 'were')}"
    unmanaged = f"; {without} not" if plan.unmanaged else ""
    return f"{hosts} compared for every address, port and user{unmanaged}. The plan connects to no host."


def _origin(origin: str) -> str:
    return f"`{origin}` " if origin else ""
