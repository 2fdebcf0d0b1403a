# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy would have rejected of flows that happened: Markdown, from the answers about all hosts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import suggested_entries
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import service_name, suggestion
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.columns import MEASURES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import noun
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

MAX_ROWS = 25
"""Lines of a table; the rest is counted. The JSON report has all that the hosts keep."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_WHY = {
    "inbound": "inbound",
    "nodata": "intervals without traffic (NODATA)",
    "no address": "without an address of the far end",
    "reply": "replies to flows that others opened",
    "second interface": "flows that another interface recorded as well",
    "skipdata": "intervals that AWS could not record (SKIPDATA): flows are missing",
    "unreadable": "unreadable",
}
_LABELS = {
    "rejected": "would be rejected",
    "depends": "would be rejected for some users or names",
    "allowed": "would pass",
}


def merged(answers: Iterable[Mapping[str, Any]], outcome: str) -> list[dict[str, Any]]:
    """Return the groups of one outcome over all hosts, each flow once, largest first."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for answer in answers:
        for group in answer[outcome]:
            key = (group["destination"], group["protocol"], group["port"], group["uid"])
            sums = groups.setdefault(key, {**group, "hosts": [], **dict.fromkeys(MEASURES, 0)})
            sums["hosts"].append(answer["host"])
            for measure in MEASURES:
                sums[measure] += group[measure] or 0
            times = [time for time in (sums["last"], group["last"]) if time]
            sums["last"] = max(times, default=None)
    return sorted(groups.values(), key=lambda group: (-group["bytes"], -group["flows"], group["destination"]))


def unused(answers: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (name, where it is written) of the entries that no host used."""
    entries: dict[tuple[str, str], int] = {}
    for answer in answers:
        for name, sums in answer["entries"].items():
            if sums["kind"] != "floor":
                key = (name, sums["where"])
                entries[key] = entries.get(key, 0) + sums["flows"]
    return sorted(key for key, flows in entries.items() if not flows)


def strangers(sources: Iterable[Sequence[Any]], known: Iterable[str]) -> list[tuple[str, int]]:
    """Return (address, flows) of the senders in the logs that are none of the judged hosts."""
    names = set(known)
    return [(str(source), int(flows)) for source, flows in sources if source not in names]


def markdown(logs: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], others: Sequence[tuple[str, int]]) -> str:
    """Return the report. logs: a LogSummary as plain data."""
    total = {name: _total(answers, f"{name}_total") for name in (*_LABELS, "dropped")}
    lines = [
        "# What this policy would have rejected",
        "",
        f"{_counted(len(answers), 'host')}, {_counted(logs['records'], 'record')} read.",
        "",
        "| flows that got through | flows | bytes |",
        "| --- | ---: | ---: |",
        *(f"| {label} | {total[name]['flows']:,} | {_size(total[name]['bytes'])} |" for name, label in _LABELS.items()),
        "",
    ]
    lines += _table("Would be rejected", merged(answers, "rejected"))
    lines += _suggestions(answers)
    title = "Would be rejected for some users or names, and the log does not say whose or which it was"
    lines += _table(title, merged(answers, "depends"))
    idle = unused(answers)
    if idle:
        lines += ["## Entries that nothing used", "", *(f"- {name} ({where})" for name, where in idle), ""]
    lines += _not_judged(logs, total["dropped"]["flows"], others, sum(answer["unreadable"] for answer in answers))
    return "\n".join(lines)


def _total(answers: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    sums = {"flows": 0, "bytes": 0}
    for answer in answers:
        for measure in sums:
            sums[measure] += answer[name][measure]
    return sums


def _table(title: str, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    if not groups:
        return []
    head = [
        "| destination | service | hosts | flows | bytes | last seen | |",
        "| --- | --- | --- | ---: | ---: | --- | --- |",
    ]
    rows = [
        f"| {group['destination']} | {_service(group)} | {_some(group['hosts'])} | {group['flows']:,} "
        f"| {_size(group['bytes'])} | {_time(group['last'])} | {_note(group)} |"
        for group in groups[:MAX_ROWS]
    ]
    rest = len(groups) - MAX_ROWS
    return [f"## {title}", "", *head, *rows, *([f"\nand {rest:,} more"] if rest > 0 else []), ""]


def _suggestions(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the entries that would allow the flows of each tier's first rows which no variable explains, as YAML."""
    yaml: list[str] = []
    for tier in sorted({answer["tier"] for answer in answers}):
        groups = merged((answer for answer in answers if answer["tier"] == tier), "rejected")
        rejections = [
            suggested_entries.Rejection(
                str(group["uid"] or ""), service_name(_service(group)), group["destination"], group["flows"]
            )
            for group in groups
            if group["cause"] != "never"
        ]
        yaml += suggestion(tier, suggested_entries.entries(rejections[:MAX_ROWS], "flow", "in the logs"))
    return ["This would allow those that egress_never does not close:", "", "```yaml", *yaml, "```", ""] if yaml else []


def _not_judged(
    logs: Mapping[str, Any], dropped: int, others: Sequence[tuple[str, int]], without_address: int
) -> list[str]:
    lines = [f"- {_counted(count, 'record')}: {_WHY.get(why, why)}" for why, count in sorted(logs["skipped"].items())]
    if dropped:
        lines.append(f"- {_counted(dropped, 'flow')}: logged as already rejected")
    if without_address:
        lines.append(f"- {_counted(without_address, 'flow')}: to a destination that is no address")
    if others:
        named = ", ".join(f"{source} ({flows:,})" for source, flows in others[:5])
        flows = _counted(sum(flows for _source, flows in others), "flow")
        senders = _counted(len(others), "address", "addresses")
        lines.append(f"- {flows}: from {senders} of none of these hosts, {named}")
    lines += [f"- {path}: left out, damaged ({why})" for path, why in sorted(logs["damaged"].items())]
    lines += [f"- {path}: empty" for path in logs["empty"]]
    return ["## Not judged", "", *lines, ""] if lines else []


def _counted(number: int, singular: str, plural: str = "") -> str:
    return f"{number:,} {noun(number, singular, plural)}"


def _service(group: Mapping[str, Any]) -> str:
    return services.to_text(group["protocol"], group["port"])


def _note(group: Mapping[str, Any]) -> str:
    if group["users"]:
        return f"allowed to {_some(group['users'])}"
    if group["cause"] == "names":
        return f"allowed where a name of {group['entry']} led there"
    user = f"uid {group['uid']}" if group["uid"] is not None else ""
    return ", ".join(part for part in (user, "never" if group["cause"] == "never" else "") if part)


def _some(names: Iterable[str]) -> str:
    ordered = sorted(set(names))
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _size(count: int) -> str:
    value = float(count)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def _time(seconds: int | None) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
