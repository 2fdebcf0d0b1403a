# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Markdown, for a merge request and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count, noun

from .model import EgressPlan, EntryChange, Outcome, ReachChange, TestOutcome
from .wording import reach_rows

_TEST_OUTCOMES: dict[TestOutcome, str] = {
    "added": "is new and passes",
    "removed": "is removed",
    "now_passes": "now passes",
    "now_fails": "**now fails**",
    "fails": "**fails**",
}
_OUTCOMES: dict[Outcome, str] = {
    "same": "Nothing changes.",
    "different": "What hosts can reach changes.",
    "tests": "A policy test fails in the proposed commit.",
    "errors": "A policy of the proposed commit has errors.",
}


def markdown(plan: EgressPlan) -> str:
    """Return the whole plan; it ends with a newline."""
    lines = [f"# Egress: what changes against {plan.base}", "", _OUTCOMES[plan.outcome], ""]
    for title, part in (
        ("Errors", _remarks(plan, "error")),
        (f"Errors in {plan.base}", _remarks(plan, "base_error")),
        (
            "For review",
            _remarks(plan, "shared", "ceiling", "redundant", "closed_by_never", "metadata_inside", "review_due"),
        ),
        ("Entries", _entries(plan.entries)),
        ("Newly allowed", _reach_changes(plan.allowed)),
        ("No longer allowed", _reach_changes(plan.closed)),
        ("Tests", _tests(plan)),
        ("Hosts", _hosts(plan)),
    ):
        body = list(part)
        if body:
            lines += [f"## {title}", "", *body, ""]
    return "\n".join([*lines, _counts(plan), ""])


def _remarks(plan: EgressPlan, *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for remark in plan.remarks:
            if remark.kind == kind:
                yield f"- {_origin(remark.origin)}{remark.text}: {remark.hosts}"


def _entries(changes: Sequence[EntryChange]) -> Iterator[str]:
    for entry in changes:
        users = f" as {', '.join(entry.users)}" if entry.users else ""
        inbound = " (inbound)" if entry.kind == "inbound" else ""
        yield f"- **{entry.name}** {entry.outcome}{inbound}: {entry.hosts}"
        yield f"  - {', '.join(entry.to)} with {', '.join(entry.services)}{users}"
        details = [
            entry.owner and f"owner {entry.owner}",
            entry.reason and f"reason: {entry.reason}",
            f"expires {entry.expires}" if entry.expires else "never expires",
            entry.origin and f"`{entry.origin}`",
        ]
        yield f"  - {'; '.join(detail for detail in details if detail)}"
        for key, before, after in entry.changes:
            sides = [before, after] if key == "addresses" else [before or "(nothing)", "→", after or "(nothing)"]
            yield f"  - {key}: {' '.join(side for side in sides if side)}"


def _reach_changes(changes: Sequence[ReachChange]) -> Iterator[str]:
    for number, change in enumerate(changes):
        whose = "containers of " if change.containers else ""
        by = f", by {', '.join(change.entries)}" if change.entries else ""
        if number:
            yield ""
        yield f"{whose}{change.hosts}{by}:"
        yield ""
        yield "| who | to | with |"
        yield "| --- | --- | --- |"
        for row in reach_rows(change.reach, words=change.words):
            yield f"| {' | '.join(row)} |"


def _tests(plan: EgressPlan) -> Iterator[str]:
    for test in plan.tests:
        if test.outcome != "passes":
            failure = f": {test.failure}" if test.failure else ""
            outcome = _TEST_OUTCOMES[test.outcome]
            yield f"- {_origin(test.origin)}{test.where} {outcome}{failure}: {test.hosts}"
    passing = sum(test.outcome == "passes" for test in plan.tests)
    if passing:
        others = " other" if passing < len(plan.tests) else ""
        yield f"- {passing}{others} {'test passes' if passing == 1 else 'tests pass'} as before"


def _hosts(plan: EgressPlan) -> Iterator[str]:
    if plan.appeared:
        yield f"- newly with a policy: {', '.join(plan.appeared)}"
    if plan.vanished:
        yield f"- gone from the inventory, or without a tier now: {', '.join(plan.vanished)}"
    for before, after, hosts in plan.modes:
        yield f"- mode {before} → {after}: {hosts}"


def _counts(plan: EgressPlan) -> str:
    hosts = f"{count(plan.hosts, 'host')} {noun(plan.hosts, 'was', 'were')}"
    without = f"{count(plan.unmanaged, 'host')} without egress_tier {noun(plan.unmanaged, 'was', 'were')}"
    unmanaged = f"; {without} not" if plan.unmanaged else ""
    return f"{hosts} compared for every address, port and user{unmanaged}. The plan connects to no host."


def _origin(origin: str) -> str:
    return f"`{origin}` " if origin else ""
