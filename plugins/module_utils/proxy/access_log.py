# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access log of the proxy, as targets/names/proxy.py has Squid write it: its requests, counted as it grows.

Clients choose the names in it. Squid writes what is no letter, digit or one of `.-_` as %XX, so no name ends a string.
Whoever took over Squid is the user whose file it is: it may be a pipe, a link or anything else, and hold anything.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Collection, Iterator, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import files

DECISIONS = ("allowed", "would_reject", "rejected")
_LINE = re.compile(rb'"decision":"([a-z_]+)"[^\n]*?"tls":"([a-z-]*)","peer":"([^"\n]*)"')
_CHUNK = 1 << 20
_MOST = 64 << 20
"""Bytes that are read of it at once."""
_LONGEST = 1 << 16
"""Bytes of a line; names have 253."""
_NAMES = 1000
"""Names of each client that are shown: it can ask for any number, and hides no other client's."""
_NAMES_OF_HISTORY, _MOST_OF_HISTORY = 10_000, 4 << 30
"""Names of each client and bytes of all logs together, where these are evidence."""
ROTATED = 14
"""How many logs are kept beside the one that is written, one a day (service.py)."""
OTHER_NAMES = "other names"
_END_OF_TIME = 1e11
"""Seconds since 1970 that a calendar has."""


class Position(NamedTuple):
    """How far the log is read. file: inode; 0 for nothing yet. offset: bytes."""

    file: int = 0
    offset: int = 0


class Rejected(NamedTuple):
    """Requests that the proxy rejected, or would (observed). times: how many. last, first: seconds since 1970."""

    client: str
    name: str
    port: str
    observed: bool
    times: int
    last: float
    first: float


def count(path: Path, since: Position) -> tuple[Counter[str], Position]:
    """Return the requests after a position by decision, and the position after them. Raise OSError.

    A log that was rotated is read to its end first, as long as it has not been compressed. Of more than 64 MiB since
    the last time, only these are counted.
    """
    counted: Counter[str] = Counter()
    offset = since.offset
    with _opened(path) as (log, status):
        if since.file != status.st_ino:
            with suppress(OSError), _opened(Path(f"{path}.1")) as (rotated, of_rotated):
                if since.file == of_rotated.st_ino:
                    _count(rotated, max(offset, of_rotated.st_size - _MOST), counted)
            offset = 0
        elif status.st_size < offset:
            offset = 0
        end = _count(log, max(offset, status.st_size - _MOST), counted)
    return counted, Position(status.st_ino, end)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], os.stat_result]]:
    """Open a log. Raise OSError for what is no file: reading a pipe would wait for ever."""
    with files.descriptor(path, os.O_RDONLY | os.O_NONBLOCK) as number:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is no file")
        with os.fdopen(number, "rb", closefd=False) as log:
            yield log, status


def _count(log: IO[bytes], offset: int, counted: Counter[str]) -> int:
    """Count the whole lines from an offset on; return the offset after the last one."""
    log.seek(offset)
    rest = b""
    for _chunk in range(_MOST // _CHUNK):
        chunk = log.read(_CHUNK)
        if not chunk:
            break
        lines, end, rest = (rest[-_LONGEST:] + chunk).rpartition(b"\n")
        for decision, tls, peer in _LINE.findall(lines + end):
            word = "rejected" if tls == b"terminate" else decision.decode()
            # Of what passes, a tunnel has a line at its begin, too, when it has no peer yet.
            if word in DECISIONS and (word == "rejected" or peer != b"-"):
                counted[word] += 1
    return log.tell() - len(rest)


def rejected(path: Path, since: float) -> list[Rejected]:
    """Return what was rejected since a time, the most requests first, of the last 64 MiB. [] without a log."""
    tally = _Tally(_NAMES)
    with suppress(OSError), _opened(path) as (log, status):
        log.seek(max(0, status.st_size - _MOST))
        for line in _lines(log, status.st_size):
            tally.add(line, since)
    return tally.rejected()


class History(NamedTuple):
    """All that the logs have of some clients. since: when they begin, None where nobody knows.

    complete: whether all of it could be read and kept.
    """

    since: float | None
    rejected: list[Rejected]
    complete: bool


def history(path: Path, clients: Collection[str], begun: float) -> History:
    """Return what was rejected of clients, also in logs that were rotated. begun: when the proxy was made."""
    quick = [f'"client":"{client}"'.encode() for client in clients]
    tally, left, broken = _Tally(_NAMES_OF_HISTORY), _MOST_OF_HISTORY, not path.is_file()
    # Where the oldest one is there, logs before it are gone.
    since = None if any(_rotated(path, ROTATED)) else begun
    for file in (file for number in range(ROTATED, -1, -1) for file in _rotated(path, number)):
        whole = False
        with suppress(OSError, EOFError, zlib.error), _opened(file) as (log, status):
            packed = file.suffix == ".gz"
            read: IO[bytes] = gzip.GzipFile(fileobj=log) if packed else log  # type: ignore[assignment]
            for line in _lines(read, left if packed else status.st_size):
                left -= len(line)
                if since is None:
                    since = _fields(line).get("time")
                if any(each in line for each in quick):
                    tally.add(line, 0.0)
            whole = True
        broken = broken or not whole
    several = tally.rejected()
    complete = not broken and left > 0 and all(each.name != OTHER_NAMES for each in several)
    return History(since if isinstance(since, float) else None, several, complete)


def _rotated(path: Path, number: int) -> list[Path]:
    names = (f"{path}.{number}", f"{path}.{number}.gz") if number else (str(path),)
    return [Path(name) for name in names if os.path.lexists(name)]


def _lines(log: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the lines up to a size: what is written meanwhile may never end."""
    while (line := log.readline(_LONGEST)) and log.tell() <= size + _LONGEST:
        yield line


class _Tally:
    """Counts what was rejected. names: how many are kept of each client."""

    def __init__(self, names: int) -> None:
        self._names = names
        self._counts: dict[tuple[str, str, str, bool], tuple[int, float, float]] = {}
        self._of_client: Counter[str] = Counter()

    def add(self, line: bytes, since: float) -> None:
        """Count a line, unless it is older, or about something else."""
        fields = _fields(line)
        refused = fields.get("decision") in DECISIONS[1:] or fields.get("tls") == "terminate"
        begin = fields.get("decision") == "would_reject" and fields.get("peer") == "-"
        moment = fields.get("time")
        if not refused or begin or not isinstance(moment, float) or not since <= moment < _END_OF_TIME:
            return
        client, name, port = (str(fields.get(word)) for word in ("client", "name", "port"))
        observed = fields.get("decision") == DECISIONS[1]
        key = (client, name, port, observed)
        if key not in self._counts and self._of_client[client] >= self._names:
            key = (client, OTHER_NAMES, "", observed)
        self._of_client[client] += key not in self._counts
        times, first, last = self._counts.get(key, (0, moment, 0.0))
        self._counts[key] = (times + 1, min(first, moment), max(last, moment))

    def rejected(self) -> list[Rejected]:
        """Return what was counted, the most requests first."""
        several = [Rejected(*key, times, last, first) for key, (times, first, last) in self._counts.items()]
        return sorted(several, key=lambda each: (-each.times, -each.last, each.name))


def _fields(line: bytes) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        read = json.loads(line.decode("utf-8", "replace"))
        return read if isinstance(read, dict) else {}
    return {}
