# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy would have refused of flows that happened: Markdown, out of what each host's judgement said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST = 25
"""Lines of a table; the rest is counted. The JSON report has all that the hosts kept."""

_NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6", 132: "sctp", 33: "dccp"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_WHY = {
    "inbound": "came in",
    "nodata": "intervals without traffic (NODATA)",
    "no address": "without an address of the far end",
    "reply": "replies to what others opened",
    "skipdata": "intervals that AWS could not record (SKIPDATA): flows are missing",
    "unreadable": "could not be read",
}


def merged(answers: Iterable[Mapping[str, Any]], outcome: str) -> list[dict[str, Any]]:
    """Return the groups of one outcome over all hosts, each flow once, largest first."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for answer in answers:
        for group in answer[outcome]:
            key = (group["destination"], group["protocol"], group["port"], group["uid"])
            sums = found.setdefault(key, {**group, "hosts": [], "flows": 0, "packets": 0, "bytes": 0})
            sums["hosts"].append(answer["host"])
            for measure in ("flows", "packets", "bytes"):
                sums[measure] += group[measure] or 0
            times = [time for time in (sums["last"], group["last"]) if time]
            sums["last"] = max(times, default=None)
    return sorted(found.values(), key=lambda one: (-one["bytes"], -one["flows"], one["destination"]))


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
    """Return (address, flows) of those in the logs that no judged host is."""
    names = set(known)
    return [(str(source), int(flows)) for source, flows in sources if source not in names]


def markdown(taken: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], others: Sequence[tuple[str, int]]) -> str:
    """Return the report."""
    total = {name: _total(answers, f"{name}_total") for name in ("allowed", "refused", "depends", "dropped")}
    lines = [
        "# What this policy would have refused",
        "",
        f"{len(answers)} hosts, {taken['records']:,} records read.",
        "",
        "| flows that got through | flows | bytes |",
        "| --- | ---: | ---: |",
        *(f"| {label} | {total[name]['flows']:,} | {_size(total[name]['bytes'])} |" for name, label in _LABELS.items()),
        "",
    ]
    lines += _table("Would be refused", merged(answers, "refused"))
    lines += _table("Would be refused to some users, and the log does not say who it was", merged(answers, "depends"))
    idle = unused(answers)
    if idle:
        lines += ["## Entries that nothing used", "", *(f"- {name} ({where})" for name, where in idle), ""]
    lines += _left_out(taken, total["dropped"]["flows"], others)
    return "\n".join(lines)


_LABELS = {"refused": "would be refused", "depends": "would be refused to some users", "allowed": "would pass"}


def _total(answers: Iterable[Mapping[str, Any]], name: str) -> dict[str, int]:
    found = {"flows": 0, "bytes": 0}
    for answer in answers:
        for measure in found:
            found[measure] += answer[name][measure]
    return found


def _table(title: str, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    if not groups:
        return []
    head = [
        "| destination | service | hosts | flows | bytes | last seen | |",
        "| --- | --- | --- | ---: | ---: | --- | --- |",
    ]
    rows = [
        f"| {one['destination']} | {_service(one)} | {_some(one['hosts'])} | {one['flows']:,} | {_size(one['bytes'])} "
        f"| {_day(one['last'])} | {_note(one)} |"
        for one in groups[:MOST]
    ]
    rest = len(groups) - MOST
    return [f"## {title}", "", *head, *rows, *([f"\nand {rest:,} more"] if rest > 0 else []), ""]


def _left_out(taken: Mapping[str, Any], dropped: int, others: Sequence[tuple[str, int]]) -> list[str]:
    lines = [f"- {count:,} records: {_WHY.get(why, why)}" for why, count in sorted(taken["skipped"].items())]
    if dropped:
        lines.append(f"- {dropped:,} flows did not get through as it was")
    if others:
        named = ", ".join(f"{source} ({flows:,})" for source, flows in others[:5])
        many = sum(flows for _source, flows in others)
        lines.append(f"- {many:,} flows of {len(others):,} addresses that are none of these hosts: {named}")
    lines += [f"- {path}: left out, damaged ({why})" for path, why in sorted(taken["damaged"].items())]
    return ["## Not judged", "", *lines, ""] if lines else []


def _service(group: Mapping[str, Any]) -> str:
    name = _NAMES.get(group["protocol"], f"proto/{group['protocol']}")
    return f"{name}/{group['port']}" if group["port"] is not None and group["protocol"] not in (1, 58) else name


def _note(group: Mapping[str, Any]) -> str:
    if group["users"]:
        return f"allowed to {_some(group['users'])}"
    who = f"uid {group['uid']}" if group["uid"] is not None else ""
    return ", ".join(part for part in (who, "never" if group["cause"] == "never" else "") if part)


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


def _day(seconds: int | None) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
