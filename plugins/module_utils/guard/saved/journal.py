# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened on this host: one JSON object a line, the oldest dropped at some size."""

from __future__ import annotations

import json
import syslog
from contextlib import suppress
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

EVENTS = {
    "confirmed": "a change was confirmed and saved for boot",
    "restored": "a change was put back",
    "reverted": "a change did not survive a reboot",
    "saved": "a policy was saved for boot without a trial",
    "booted": "the saved policy was loaded",
    "failsafe": "the saved policy could not be loaded; the fail-safe table was",
    "lost": "the table was gone and was brought back",
    "edited": "the table was edited by hand",
    "repaired": "an edit by hand was undone",
    "emergency": "an emergency was declared",
    "allowed": "a destination was allowed for some hours",
    "removed": "tidegate was removed",
}
"""Every event, and what it means."""

LIMIT = 256 * 1024
"""Bytes of the journal; beyond it, half of it goes: of the older events first those that repeat themselves."""

_REPEATED = ("lost", "edited", "repaired", "failsafe", "booted")
"""What somebody else's loop can bring about every few seconds; it must not push out who changed the policy and when."""

_ALARMING = ("restored", "failsafe", "lost", "edited", "emergency", "allowed")


def note(paths: Paths, event: str, **about: Any) -> None:
    """Write an event down, here and in the system's log. What cannot be written here must not stop a way back."""
    said = {key: value for key, value in about.items() if value not in ("", None)}
    if not paths.root:
        level = syslog.LOG_WARNING if event in _ALARMING else syslog.LOG_NOTICE
        shown = "".join(f" {key}={value!r}" for key, value in said.items())
        syslog.openlog("tidegate", syslog.LOG_PID, syslog.LOG_DAEMON)
        syslog.syslog(level, f"{event}: {EVENTS[event]}{shown}")
    with suppress(GuardError):
        _trim(paths)
        line = json.dumps({"when": clock.utc(), "event": event, **said}, sort_keys=True)
        files.append(paths.journal, f"{line}\n".encode())


def read(paths: Paths) -> list[dict[str, Any]]:
    """Return the events, oldest first; lines that are none are left out."""
    return [json.loads(line) for line in (files.read(paths.journal) or "").splitlines() if _event(line)]


def fate(paths: Paths, token: str) -> dict[str, Any] | None:
    """Return the last event about a change, None when there is none."""
    return next((event for event in reversed(read(paths)) if event.get("token") == token), None)


def _trim(paths: Paths) -> None:
    """Keep about half of a journal that is too long: the latest, and before that what people did."""
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
    """Return what a line is about; "" for one that says nothing."""
    with suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict) and said.get("event") in EVENTS:
            return str(said["event"])
    return ""
