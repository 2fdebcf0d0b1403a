# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access log of the proxy, as targets/names/proxy.py has Squid write it: its requests, counted as it grows.

Clients choose the names in it. Squid writes what is no letter, digit or one of `.-_` as %XX, so no name ends a string.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

DECISIONS = ("allowed", "would_reject", "rejected")
_LINE = re.compile(rb'"decision":"([a-z_]+)"[^\n]*?"tls":"([a-z-]*)","peer":"([^"\n]*)"')
_CHUNK = 1 << 20
_MOST = 64 << 20
"""Bytes that are read of it at once."""


class Position(NamedTuple):
    """How far the log is read. file: inode; 0 for nothing yet. offset: bytes."""

    file: int = 0
    offset: int = 0


class Rejected(NamedTuple):
    """Requests that the proxy rejected, or would (observed). times: how many. last: seconds since 1970."""

    client: str
    name: str
    port: str
    observed: bool
    times: int
    last: float


def count(path: Path, since: Position) -> tuple[Counter[str], Position]:
    """Return the requests after a position by decision, and the position after them. Raise OSError.

    A log that was rotated is read to its end first, as long as it has not been compressed. Of more than 64 MiB since
    the last time, only these are counted.
    """
    counted: Counter[str] = Counter()
    size, file = path.stat().st_size, path.stat().st_ino
    offset = since.offset
    if since.file != file:
        rotated = Path(f"{path}.1")
        with suppress(OSError):
            if since.file and rotated.stat().st_ino == since.file:
                _count(rotated, offset, counted)
        offset = 0
    elif size < offset:
        offset = 0
    end = _count(path, max(offset, size - _MOST), counted)
    return counted, Position(file, end)


def _count(path: Path, offset: int, counted: Counter[str]) -> int:
    """Count the whole lines from an offset on; return the offset after the last one."""
    with path.open("rb") as log:
        log.seek(offset)
        rest = b""
        while True:
            chunk = log.read(_CHUNK)
            if not chunk:
                return log.tell() - len(rest)
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            for decision, tls, peer in _LINE.findall(lines + end):
                word = "rejected" if tls == b"terminate" else decision.decode()
                # Of what passes, a tunnel has a line at its begin, too, when it has no peer yet.
                if word in DECISIONS and (word == "rejected" or peer != b"-"):
                    counted[word] += 1


def rejected(path: Path, since: float) -> list[Rejected]:
    """Return what was rejected since a time, the most requests first, of the last 64 MiB. [] without a log."""
    counts: dict[tuple[str, str, str, bool], tuple[int, float]] = {}
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _MOST))
        for line in log:
            fields = _fields(line)
            refused = fields.get("decision") in DECISIONS[1:] or fields.get("tls") == "terminate"
            begin = fields.get("decision") == "would_reject" and fields.get("peer") == "-"
            if not refused or begin or not isinstance(fields.get("time"), float) or fields["time"] < since:
                continue
            client, name, port = (str(fields.get(word)) for word in ("client", "name", "port"))
            key = (client, name, port, fields["decision"] == DECISIONS[1])
            times, last = counts.get(key, (0, 0.0))
            counts[key] = (times + 1, max(last, fields["time"]))
    several = [Rejected(*key, *seen) for key, seen in counts.items()]
    return sorted(several, key=lambda each: (-each.times, -each.last, each.name))


def _fields(line: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        read = json.loads(line.decode("utf-8", "replace"))
        return read if isinstance(read, dict) else {}
    return {}
