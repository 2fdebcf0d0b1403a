# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Markdown, as it stands in a merge request and on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .model import FAILS, GONE, HOLDS, LOST, NEW, WON, Difference, EntryChange, Plan
from .wording import reach_rows

_SAYS = {
    NEW: "new, and true",
    GONE: "removed",
    WON: "now true",
    LOST: "**no longer true**",
    FAILS: "**not true**",
}
_OUTCOMES = {
    "same": "Nothing changes.",
    "different": "What hosts can reach changes.",
    "tests": "A test is not true of what is proposed.",
    "errors": "Not every policy can be read.",
}


def markdown(plan: Plan) -> str:
    """The whole plan; ends with a newline."""
    lines = [f"# Egress: what changes against {plan.base}", "", _OUTCOMES[plan.outcome], ""]
    for title, part in (
        ("Errors", _remarks(plan, "error")),
        ("Errors in what it is compared with", _remarks(plan, "base_error")),
        (
            "Look at this",
            _remarks(plan, "shared", "ceiling", "redundant", "closed_by_never", "metadata_inside", "review_due"),
        ),
        ("Entries", _entries(plan.entries)),
        ("Newly allowed", _differences(plan.allowed)),
        ("No longer allowed", _differences(plan.closed)),
        ("Tests", _tests(plan)),
        ("Hosts", _hosts(plan)),
    ):
        body = list(part)
        if body:
            lines += [f"## {title}", "", *body, ""]
    return "\n".join([*lines, _counts(plan), ""])


def _remarks(plan: Plan, *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for one in plan.remarks:
            if one.kind == kind:
                yield f"- {_at(one.origin)}{one.text}: {one.hosts}"


def _entries(changes: Sequence[EntryChange]) -> Iterator[str]:
    for one in changes:
        users = f" as {', '.join(one.users)}" if one.users else ""
        inbound = " (inbound)" if one.kind == "inbound" else ""
        yield f"- **{one.name}** {one.what}{inbound}: {one.hosts}"
        yield f"  - {', '.join(one.to)} with {', '.join(one.services)}{users}"
        about = [
            one.owner and f"owner {one.owner}",
            one.reason and f"reason: {one.reason}",
            f"expires {one.expires}" if one.expires else "never expires",
            one.origin and f"`{one.origin}`",
        ]
        yield f"  - {'; '.join(part for part in about if part)}"
        for key, before, after in one.changes:
            sides = [before, after] if key == "addresses" else [before or "(nothing)", "→", after or "(nothing)"]
            yield f"  - {key}: {' '.join(part for part in sides if part)}"


def _differences(found: Sequence[Difference]) -> Iterator[str]:
    for number, one in enumerate(found):
        whose = "containers of " if one.containers else ""
        by = f", by {', '.join(one.by)}" if one.by else ""
        if number:
            yield ""
        yield f"{whose}{one.hosts}{by}:"
        yield ""
        yield "| who | to | with |"
        yield "| --- | --- | --- |"
        yield from (
            f"| {users} | {found} | {spoken} |" for users, found, spoken in reach_rows(one.reach, words=one.words)
        )


def _tests(plan: Plan) -> Iterator[str]:
    for one in plan.tests:
        if one.what != HOLDS:
            said = f": {one.said}" if one.said else ""
            yield f"- {_at(one.origin)}{one.where} {_SAYS[one.what]}{said}: {one.hosts}"
    held = sum(one.what == HOLDS for one in plan.tests)
    if held:
        yield f"- {held} {'others hold' if held < len(plan.tests) else 'hold'} as before"


def _hosts(plan: Plan) -> Iterator[str]:
    if plan.appeared:
        yield f"- new, with a policy: {', '.join(plan.appeared)}"
    if plan.vanished:
        yield f"- gone from the inventory, or without a tier now: {', '.join(plan.vanished)}"
    for before, after, hosts in plan.modes:
        yield f"- mode {before} → {after}: {hosts}"


def _counts(plan: Plan) -> str:
    unmanaged = f"; {plan.unmanaged} without egress_tier were not" if plan.unmanaged else ""
    return f"{plan.hosts} hosts were compared for every address, port and user{unmanaged}. No host was touched."


def _at(origin: str) -> str:
    return f"`{origin}` " if origin else ""
