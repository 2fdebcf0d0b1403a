# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as remarks at lines of files: each change once, with what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .model import (
    FAILING,
    Direction,
    EgressPlan,
    EntryChange,
    HostGroup,
    PolicyTestChange,
    ReachChange,
    SettingChange,
    Severity,
)
from .wording import difference_text, reach_rows


@dataclass(frozen=True)
class Annotation:
    """One sentence for one line. check: a word for machines. origin: file, line and column, "" where unknown."""

    check: str
    severity: Severity
    origin: str
    text: str


_SEVERITIES: Mapping[Direction, Severity] = {
    "opens": "major",
    "weakened": "major",
    "closes": "minor",
    "strengthened": "info",
    "changed": "minor",
}


def plan_annotations(plan: EgressPlan) -> Iterator[Annotation]:
    """Yield every change of the plan; none only for a plan in which nothing changes."""
    for remark in plan.remarks:
        yield _annotation(remark.kind, remark.severity, remark.origin, remark.text, remark.hosts)
    for test in plan.tests:
        yield from _test(test)
    for change in plan.allowed:
        yield from _reach(change, "opens")
    for change in plan.closed:
        yield from _reach(change, "closes")
    yield from map(_setting, plan.settings)
    yield from map(_entry, plan.entries)
    for text, names in (("newly with a policy", plan.appeared), ("without a policy now", plan.vanished)):
        if names:
            yield Annotation("hosts", "minor", "", f"{text}: {', '.join(names)}")


def _test(test: PolicyTestChange) -> Iterator[Annotation]:
    if test.outcome in FAILING:
        yield _annotation("test", "blocker", test.origin, f"{test.where} {test.failure}", test.hosts)
    elif test.outcome == "now_passes":
        yield _annotation("test", "info", test.origin, f"{test.where} now passes", test.hosts)


def _setting(setting: SettingChange) -> Annotation:
    guard = setting.direction not in ("opens", "closes")
    text = f"guard {setting.direction}: {setting.text}" if guard else setting.text
    severity = _SEVERITIES[setting.direction]
    return _annotation(f"setting-{setting.direction}", severity, setting.origin, text, setting.hosts)


def _entry(entry: EntryChange) -> Annotation:
    return _annotation("entry", "info", entry.origin, entry_text(entry), entry.hosts)


def _annotation(check: str, severity: Severity, origin: str, text: str, hosts: HostGroup) -> Annotation:
    return Annotation(check, severity, origin, f"{text}: {hosts}")


def _reach(change: ReachChange, direction: Direction) -> Iterator[Annotation]:
    """Yield what opens or closes, at the line of each cause."""
    verb, why = ("newly allowed", "by") if direction == "opens" else ("no longer allowed", "because")
    side = "from" if change.whose == "inbound" else "to"
    whose = "containers, " if change.whose == "containers" else ""
    flows = "; ".join(
        f"{whose}{who} {side} {to} with {allowed}" for who, to, allowed in reach_rows(change.reach, words=change.words)
    )
    severity = _SEVERITIES[direction]
    places = {cause.origin: cause for cause in change.causes}
    if not places:
        yield _annotation(direction, severity, "", f"{verb}: {flows}", change.hosts)
    for origin, cause in places.items():
        yield _annotation(direction, severity, origin, f"{verb}, {why} {cause.text}: {flows}", change.hosts)


def entry_text(entry: EntryChange) -> str:
    """Return the change of an entry as a sentence."""
    if entry.outcome == "renamed":
        return f"entry {entry.before} renamed to {entry.name}"
    if entry.changes:
        return f"entry {entry.name} changed: {'; '.join(difference_text(*change) for change in entry.changes)}"
    return f"entry {entry.name} {entry.outcome}: {', '.join(entry.to)} with {', '.join(entry.services)}"
