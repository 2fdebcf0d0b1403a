# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the journal as events: what tidegate writes, and what somebody else writes in its name."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.extensions.eda.plugins.event_source import journal

ENTRY = {
    "_UID": "0",
    "_HOSTNAME": "app1",
    "SYSLOG_IDENTIFIER": "tidegate",
    "MESSAGE": "203.0.113.66 tcp/25 by www-data was rejected for the first time",
    "TIDEGATE_EVENT": "denied",
    "TIDEGATE_TIER": "app",
    "TIDEGATE_USER": "www-data",
    "TIDEGATE_UID": "33",
    "TIDEGATE_DESTINATION": "203.0.113.66",
    "TIDEGATE_PROTOCOL": "tcp",
    "TIDEGATE_PORT": "25",
    "TIDEGATE_DECISION": "rejected",
    "TIDEGATE_PACKETS": "3",
    "__REALTIME_TIMESTAMP": "1795183200000000",
    "__CURSOR": "s=1;i=1",
}
TEMPLATE = "{{ lookup('pipe', 'id') }}"


def test_an_entry_is_an_event_with_numbers_as_numbers() -> None:
    assert journal.event_of(ENTRY) == {
        "tidegate": {
            "event": "denied",
            "host": "app1",
            "tier": "app",
            "user": "www-data",
            "uid": 33,
            "destination": "203.0.113.66",
            "protocol": "tcp",
            "port": 25,
            "service": "tcp/25",
            "decision": "rejected",
            "packets": 3,
            "when": "2026-11-20T14:00:00Z",
            "message": ENTRY["MESSAGE"],
        }
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"_UID": "1000"},
        {"_UID": None},
        {"SYSLOG_IDENTIFIER": "other"},
        {"TIDEGATE_EVENT": None},
        {"TIDEGATE_EVENT": TEMPLATE},
        {"_HOSTNAME": TEMPLATE},
        {"TIDEGATE_TIER": TEMPLATE},
        {"TIDEGATE_PROTOCOL": TEMPLATE},
        {"TIDEGATE_DESTINATION": TEMPLATE},
        {"TIDEGATE_DESTINATION": "localhost"},
        {"TIDEGATE_PORT": "99999"},
        {"TIDEGATE_PORT": [50, 53]},
        {"TIDEGATE_UID": "-1"},
        {"__REALTIME_TIMESTAMP": "soon"},
        {"__REALTIME_TIMESTAMP": "9" * 30},
    ],
)
def test_what_tidegate_does_not_write_is_left_out(changes: Mapping[str, Any]) -> None:
    assert journal.event_of({**ENTRY, **changes}) is None


@pytest.mark.parametrize("opened", ["{{", "{%", "{#", "{{{{"])
def test_no_text_is_a_template(opened: str) -> None:
    event = journal.event_of({**ENTRY, "MESSAGE": opened + " x }}\x1b[2J", "TIDEGATE_USER": f"a {opened} b"})
    assert event is not None
    for text in (event["tidegate"]["message"], event["tidegate"]["user"]):
        assert not any(mark in text for mark in ("{{", "{%", "{#", "\x1b"))


def journalctl(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> Path:
    """Put a journalctl in the path that prints lines and keeps its arguments; return the file with them."""
    text, asked = folder / "lines", folder / "asked"
    text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    program = folder / "journalctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{asked}\nexec cat {text}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return asked


async def first(count: int, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    source = asyncio.create_task(journal.main(queue, arguments))
    events = [await queue.get() for _event in range(count)]
    source.cancel()
    await asyncio.gather(source, return_exceptions=True)
    return [event["tidegate"] for event in events]


def test_damaged_lines_and_other_events_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = json.dumps({**ENTRY, "TIDEGATE_EVENT": "edited", "__CURSOR": "s=1;i=9"})
    huge = json.dumps({**ENTRY, "MESSAGE": "x" * (3 << 20)})
    journalctl(tmp_path, monkeypatch, "{", "[]", "null", json.dumps(ENTRY), huge, '{"_UID"', edited)
    (event,) = asyncio.run(first(1, {"events": ["edited"]}))
    assert event["event"] == "edited"


def test_a_new_start_goes_on_where_the_last_one_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = journalctl(tmp_path, monkeypatch, json.dumps(ENTRY))
    cursor = tmp_path / "cursor"
    monkeypatch.setattr(journal, "_PAUSES", (0,))
    asyncio.run(first(2, {"cursor_file": str(cursor), "directory": str(tmp_path)}))
    assert cursor.read_text() == "s=1;i=1\n"
    end, _one, two = asked.read_text().splitlines()[:3]
    assert "--lines=1" in end
    assert f"--directory={tmp_path}" in two
    assert "--after-cursor=s=1;i=1" in two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"events": "denied"}, "events: 'denied' is not a list of names. Fix: "),
        ({"directory": "/nonexistent"}, "directory: /nonexistent is not a folder. Fix: "),
    ],
)
def test_wrong_arguments_are_errors_with_a_fix(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        asyncio.run(journal.main(asyncio.Queue(), arguments))
