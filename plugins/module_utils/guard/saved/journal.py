# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events on this host: one JSON object a line, the oldest dropped when the file is too long."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files, system_log
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

EVENTS = {
    "confirmed": "a change was confirmed and saved for boot",
    "restored": "a change was rolled back",
    "replaced": "a change could not be rolled back to the table before it; another table was loaded",
    "stuck": "a change could not be rolled back and is still loaded; it is tried again",
    "reverted": "a reboot ended a pending change",
    "saved": "a policy was saved for boot without a confirmation",
    "recorded": "the policy changed without a change of the table: its guards, or what describes its entries",
    "booted": "the saved policy was loaded",
    "failsafe": "the saved policy could not be loaded; the fail-safe table was loaded",
    "lost": "the table was missing and was loaded again",
    "edited": "the table was edited by another program or by hand",
    "repaired": "the confirmed policy was loaded over an edit",
    "emergency": "an emergency began",
    "allowed": "a destination was allowed temporarily",
    "removed": "tidegate was removed",
}
"""Every event and its meaning."""

LIMIT = 256 * 1024
"""Bytes of the journal; beyond it, half of it is dropped, repeated events first."""

_REPEATED = ("lost", "edited", "repaired", "failsafe", "booted")
"""Events that another program's loop can cause every few seconds; they must not displace who changed the policy."""

_WARNINGS = ("restored", "replaced", "stuck", "failsafe", "lost", "edited", "emergency", "allowed")


def add(paths: Paths, event: str, **about: Any) -> None:
    """Write an event to the journal and to the system's log. A failure is ignored: it must not stop a rollback."""
    fields = {key: value for key, value in about.items() if value not in ("", None)}
    level = system_log.WARNING if event in _WARNINGS else system_log.NOTICE
    system_log.send(paths, level, f"{event}: {EVENTS[event]}", event, fields)
    with suppress(GuardError):
        _trim(paths)
        line = json.dumps({"when": clock.utc(), "event": event, **fields}, sort_keys=True)
        files.append(paths.journal, f"{line}\n".encode())


def read(paths: Paths) -> list[dict[str, Any]]:
    """Return the events, oldest first; unreadable lines are left out."""
    return [json.loads(line) for line in (files.read(paths.journal) or "").splitlines() if _event(line)]


def last_event(paths: Paths, token: str) -> dict[str, Any] | None:
    """Return the last event about a change, None when there is none."""
    return next((event for event in reversed(read(paths)) if event.get("token") == token), None)


def _trim(paths: Paths) -> None:
    """Shorten a journal that is too long to half: the latest events, of the older ones only what people did."""
    text = files.read(paths.journal)
    if text is None or len(text) <= LIMIT:
        return
    kept: list[str] = []
    size = 0
    for line in reversed(text.splitlines(keepends=True)):
        if size > LIMIT // 4 and _event(line) in _REPEATED:
            continue
        size += len(line)
        if size > LIMIT // 2:
            break
        kept.append(line)
    files.write(paths.journal, "".join(reversed(kept)).encode("utf-8", "surrogateescape"))


def _event(line: str) -> str:
    """Return the event of a line, "" for an unreadable one."""
    with suppress(ValueError):
        content = json.loads(line)
        if isinstance(content, dict) and content.get("event") in EVENTS:
            return str(content["event"])
    return ""
