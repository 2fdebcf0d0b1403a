# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a fleet as one table: a row for each host, what needs attention first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import level
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.evidence import Evidence
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

LEVELS = {level.CRITICAL: "critical", level.WARNING: "warning", level.OK: "ok"}
NO_DATA = "no data"
_COLUMNS = (
    "host",
    "level",
    "tier",
    "mode",
    "table",
    "observed",
    "unexplained",
    "ready",
    "drift",
    "open",
    "watcher",
    "nft",
)
_ORDER = (*LEVELS.values(), NO_DATA)


class NotOk(ControllerError):
    """Hosts that need attention."""

    reason = "not_ok"

    def __init__(self, hosts: Sequence[str]) -> None:
        verb = "needs" if len(hosts) == 1 else "need"
        super().__init__(
            f"{count(len(hosts), 'host')} {verb} attention: {', '.join(hosts)}. The table above has their state."
        )


def row(resolved: ResolvedPolicy, state: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """Return what the table shows of one host. state: facts of the guard's status."""
    observes = resolved.mode == "observe"
    change = state["pending"]
    services = ((name, state.get(name)) for name in ("resolver", "proxy"))
    broken = [f"{name}: {service['problem']}" for name, service in services if service and not service["answers"]]
    sentence = evidence.sentence if observes and not evidence.ready else ""
    return {
        "host": resolved.host,
        "level": LEVELS[level.level({"table": "absent", "watcher": False, "saved": "none", **state})],
        "tier": resolved.tier or None,
        "mode": resolved.mode,
        "table": state.get("table", "absent"),
        "observed_hours": round(evidence.hours, 1) if observes else None,
        "unexplained": len(evidence.unexplained) if observes else None,
        "ready": evidence.ready if observes else None,
        "drift": sum(state.get("events", {}).get(name, 0) for name in ("edited", "lost")),
        "pending": None if change is None else str(change.get("what", "")),
        "open": len(state.get("allowed", ())),
        "watcher": bool(state.get("watcher")),
        "nft": str(state.get("nft", "")),
        "note": ". ".join(filter(None, [*broken, _missing(state), sentence])),
    }


def _missing(state: Mapping[str, Any]) -> str:
    units = (state.get("units") or {}).get("missing", ())
    return f"entries open nothing to units that it does not have: {', '.join(units)}" if units else ""


def without_state(resolved: ResolvedPolicy, reason: str) -> dict[str, Any]:
    """Return the row of a host whose guard failed."""
    return {**no_data(resolved.host, reason), "tier": resolved.tier or None, "mode": resolved.mode}


def no_data(host: str, reason: str = "") -> dict[str, Any]:
    """Return the row of a host that gave no answer. reason: of a task that failed, such as an error in the policy."""
    unknown = ("tier", "mode", "table", "observed_hours", "unexplained", "ready", "drift", "pending", "open", "watcher")
    return {"host": host, "level": NO_DATA, **dict.fromkeys(unknown), "nft": "", "note": reason or "gave no answer"}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the table, the worst first, with the time."""
    ordered = sorted(rows, key=lambda each: (_ORDER.index(each["level"]), each["host"]))
    cells = [_COLUMNS, *(tuple(_cell(each, column) for column in _COLUMNS) for each in ordered)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    notes = [f"{each['host']}: {each['note']}" for each in ordered if each["note"]]
    fine = sum(each["level"] == "ok" for each in rows)
    now = dt.datetime.now(dt.UTC)
    return [*lines, *notes, f"{fine} of {count(len(rows), 'host')} ok, {now:%Y-%m-%d %H:%M} UTC"]


def _cell(each: Mapping[str, Any], column: str) -> str:
    if column == "observed":
        hours = each["observed_hours"]
        return "-" if hours is None else f"{int(hours)} h"
    value = each[column]
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
