# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source of Event-Driven Ansible: what the watchers of hosts write to journald.

ansible-rulebook loads this file by its path, so it uses the standard library alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
short_description: What tidegate writes to journald, as events
description:
  - Follows the journal of this machine, or journals that hosts send here (systemd-journal-remote), and yields an event
    for each entry of tidegate - a destination rejected for the first time, a policy change, an edit, a rollback.
  - Only entries that root wrote count, as journald itself notes it. With a cursor file, an entry that came while no
    rulebook ran is yielded later, once.
  - What a host wrote is data. Addresses and numbers are checked, texts cannot be templates, and an entry that is not
    as tidegate writes it is left out.
options:
  directory:
    description: A folder of journal files, such as C(/var/log/journal/remote). The journal of this machine by default.
    type: str
  cursor_file:
    description: A file that keeps the place in the journal. Without it, a start begins at the end of the journal.
    type: str
  events:
    description: The values of C(TIDEGATE_EVENT) to yield; all by default.
    type: list
    elements: str
"""

EXAMPLES = r"""
- tidegate.nftables.journal:
    directory: /var/log/journal/remote
    cursor_file: /var/lib/rulebook/tidegate.cursor
    events: [denied, restored, edited]
"""

_OF_TIDEGATE = ("--identifier=tidegate", "_UID=0")
_LINE = 1 << 20
"""Bytes of an entry; journald's own limit of a field is 768 KiB."""
_TEXT = 500
"""Characters of a text."""
_PAUSES = (1, 2, 5, 10, 30, 60)
"""Seconds between starts of journalctl that ends at once."""

_WORD = re.compile(r"[A-Za-z0-9_.@$+-]{1,255}")
_NUMBERS = {"uid": 2**32 - 1, "port": 65535, "packets": 2**64, "count": 2**64}
_WORDS = ("tier", "protocol", "decision")


async def main(queue: asyncio.Queue[dict[str, Any]], args: dict[str, Any]) -> None:
    """Put an event into the queue for each entry, for as long as the rulebook runs.

    Raise ValueError for arguments that cannot be, FileNotFoundError without journalctl.
    """
    wanted = args.get("events")
    if wanted is not None and not (isinstance(wanted, list) and all(isinstance(name, str) for name in wanted)):
        msg = f"events: {wanted!r} is not a list of names. Fix: events: [denied, restored, edited]."
        raise ValueError(msg)
    directory, cursor_file = (str(args.get(name) or "") for name in ("directory", "cursor_file"))
    if directory and not Path(directory).is_dir():
        msg = f"directory: {directory} is not a folder. Fix: name the folder that systemd-journal-remote writes to."
        raise ValueError(msg)
    cursor = _read_cursor(cursor_file) or await _end(directory)
    failures = 0
    while True:
        async for line in _lines(directory, cursor):
            entry = _parsed(line)
            event = None if entry is None else event_of(entry)
            if event is not None and (not wanted or event["tidegate"]["event"] in wanted):
                await queue.put(event)
                failures = 0
            if entry is not None and isinstance(entry.get("__CURSOR"), str):
                cursor = entry["__CURSOR"]
                _write_cursor(cursor_file, cursor)
        await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
        failures += 1


def event_of(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the event of an entry of the journal, None for one that tidegate does not write.

    The keys below ``tidegate``: event, host, when, message, and in lower case what the entry has of TIDEGATE_…; of a
    flow also service, as a policy writes it.
    """
    if entry.get("_UID") != "0" or entry.get("SYSLOG_IDENTIFIER") != "tidegate":
        return None
    texts = {name[9:].lower(): text for name, text in entry.items() if name.startswith("TIDEGATE_")}
    about: dict[str, Any] = {"event": texts.pop("event", None), "host": entry.get("_HOSTNAME")}
    if not all(isinstance(text, str) and _WORD.fullmatch(text) for text in about.values()):
        return None
    try:
        for name, text in texts.items():
            about[name] = _value(name, text)
        moment = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        about["when"] = f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    about["message"] = _text(entry.get("MESSAGE"))
    if "protocol" in about:
        about["service"] = (
            f"{about['protocol']}/{about['port']}" if about.get("port") is not None else about["protocol"]
        )
    return {"tidegate": about}


def _value(name: str, text: Any) -> Any:
    """Return a field's value; raise ValueError for one that tidegate does not write."""
    if name == "destination":
        return str(ipaddress.ip_address(text))
    if name in _NUMBERS:
        number = int(text)
        if not 0 <= number <= _NUMBERS[name]:
            raise ValueError(name)
        return number
    if name in _WORDS:
        if not _WORD.fullmatch(text):
            raise ValueError(name)
        return text
    return _text(text)


def _text(value: Any) -> str:
    """Return a text that is printable and no template of Jinja's, which rulebooks put into variables of playbooks."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in value) if isinstance(value, str) else ""
    return re.sub(r"(?<=\{)(?=[{%#])", " ", shown[:_TEXT])


async def _end(directory: str) -> str:
    """Return the place of the last entry of anybody, "" in an empty journal.

    With --lines=0, journalctl --follow leaves out the first entry that comes where none matched before.
    """
    async with _journalctl(directory, "--lines=1") as output:
        entry = _parsed(await output.readline()) or {}
    return str(entry.get("__CURSOR", ""))


async def _lines(directory: str, cursor: str) -> AsyncIterator[bytes]:
    """Yield the lines of journalctl until it ends."""
    after = f"--after-cursor={cursor}" if cursor else "--no-tail"
    async with _journalctl(directory, "--follow", after, *_OF_TIDEGATE) as output:
        while True:
            try:
                line = await output.readline()
            except ValueError:
                # Longer than any entry of tidegate; what is read is already dropped.
                continue
            if not line:
                return
            yield line


@contextlib.asynccontextmanager
async def _journalctl(directory: str, *options: str) -> AsyncIterator[asyncio.StreamReader]:
    """Yield the output of journalctl, which ends with the context."""
    command = ("journalctl", "--output=json", *([f"--directory={directory}"] if directory else []), *options)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_LINE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _parsed(line: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(line)
        return entry if isinstance(entry, dict) else None
    return None


def _read_cursor(path: str) -> str:
    """Return the kept place, "" where there is none."""
    with contextlib.suppress(FileNotFoundError):
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    return ""


def _write_cursor(path: str, cursor: str) -> None:
    """Keep the place; the file has the old or the new one at any time."""
    if path:
        new = Path(f"{path}.new")
        new.write_text(f"{cursor}\n", encoding="utf-8")
        new.replace(path)
