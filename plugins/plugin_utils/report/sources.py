# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report is made of: a file for each host, written by the action, or files of flow records of anybody's."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import (
    FLAG,
    INTEGER,
    MOMENT,
    NUMBER,
    TEXT,
    TEXTS,
    ListOf,
    MapOf,
    OrNull,
    Record,
    ShapeError,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

VERSION = 1
FOLDER = "hosts"
"""The folder of the hosts' files, below that of the report."""
TEXT_LIMIT = 160
"""Characters that are shown of a name; a hostile host may have longer ones."""
HOST_LIMIT = 40_000
"""Records of one host: as many as its ledger keeps, of rejected and of allowed flows."""

_ROW = Record(
    required={"level": TEXT},
    optional={
        **dict.fromkeys(("tier", "mode", "table", "note", "nft"), OrNull(TEXT)),
        "observed_hours": OrNull(NUMBER),
        "unexplained": OrNull(INTEGER),
        "ready": OrNull(FLAG),
        "watcher": OrNull(FLAG),
    },
)
_EVENT = Record({"event": TEXT}, {**dict.fromkeys(("when", "who", "what", "why", "token"), TEXT), "edit": TEXTS})
_HOST = Record(
    required={"host": TEXT},
    optional={
        "tier": OrNull(TEXT),
        "row": _ROW,
        "policy": OrNull(TEXT),
        "now": MOMENT,
        "events": ListOf(_EVENT),
        "entries": MapOf(INTEGER),
        "incomplete": ListOf(Record({"user": TEXT, "packets": INTEGER})),
        "unreadable": INTEGER,
    },
)
_NAMED = re.compile(r"\.(json|ndjson|jsonl)(?:[.-]\d+)?(?:\.gz)?$")
"""The end of a file's name; logrotate adds a number or a day."""
_LARGEST = 1 << 30
"""Bytes of a file, unpacked; some that are packed never end."""
_OPTIONAL = ("tier", "user", "unit", "name", "entry", "nearest", "cause")


class SourceError(ControllerError):
    """A file that a report cannot be made of."""

    reason = "bad_records"


@dataclass(frozen=True, kw_only=True)
class HostData:
    """What is known of one host.

    row: its row in the table of the playbook status. policy: hash of the policy. now: its clock, in seconds since 1970.
    events: of its journal, oldest first. entries: packets that each entry allowed since the table was loaded.
    incomplete: packets of which its ledger has no record, by user. records: of docs/schema/flow-1.json.
    """

    host: str
    tier: str | None
    row: Mapping[str, Any] | None = None
    policy: str | None = None
    now: float | None = None
    events: Sequence[Mapping[str, Any]] = ()
    entries: Mapping[str, int] | None = None
    incomplete: Sequence[Mapping[str, Any]] = ()
    unreadable: int = 0
    records: Sequence[Mapping[str, Any]] = ()


def file_name(host: str) -> str:
    """Return the name of a host's file; a host's name may hold a slash."""
    return f"{quote(host, safe='')}.json"


def document(data: Mapping[str, Any]) -> str:
    """Return the text of a host's file."""
    return json.dumps({"version": VERSION, **data}, sort_keys=True) + "\n"


def read_folder(folder: Path) -> Iterator[HostData]:
    """Yield what the files of a folder have, in the order of their names. Raise SourceError."""
    paths = sorted(path for path in folder.glob("*") if _NAMED.search(path.name))
    if not paths:
        raise SourceError(
            f"{folder} has no file of records (*.json, *.ndjson, *.jsonl, also rotated and as .gz). "
            "Fix: name a folder with results of egress_flows_info or with the hosts of an earlier report."
        )
    for path in paths:
        yield from read_file(path)


def read_file(path: Path) -> Iterator[HostData]:
    """Yield what a file has: a host of a report, a result with records, or a record a line. Raise SourceError."""
    name = _NAMED.search(path.name)
    if name is None or name[1] != "json":
        yield from _by_host(_lines(path))
        return
    content = _parsed(_text(path), str(path))
    if isinstance(content, list):
        content = {"records": content}
    if not isinstance(content, dict) or not isinstance(content.get("records"), list):
        raise SourceError(f"{path} has no list of records. {_FIX}")
    records = [_record(each, f"{path}: records[{place}]") for place, each in enumerate(content["records"])]
    if "host" not in content:
        yield from _by_host(records)
        return
    if content.get("version") != VERSION:
        raise SourceError(f"{path} has version {printable(str(content.get('version')), 20)}, not {VERSION}. {_FIX}")
    try:
        known = _HOST.copy(content, "")
    except ShapeError as error:
        raise SourceError(f"{path}: {error}. {_FIX}") from error
    yield HostData(**{**known, "host": shown(known["host"]), "records": records})


def shown(text: str) -> str:
    """Return a text as the report shows it: one printable line of bounded length."""
    return printable(text, TEXT_LIMIT)


_FIX = "Fix: name files with records of docs/schema/flow-1.json, as egress_flows_info returns them."


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            read = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
            content = read.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise SourceError(f"{path} has more than {_LARGEST >> 30} GiB. {_FIX}")
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}. {_FIX}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8. {_FIX}") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where} is no JSON, or was cut off: {error}. {_FIX}") from error


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            yield _record(_parsed(line, f"{path}:{number}"), f"{path}:{number}")


def _by_host(records: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[HostData]:
    hosts: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for record in records:
        hosts.setdefault((record["host"], record["tier"]), []).append(record)
    for (host, tier), own in hosts.items():
        yield HostData(host=host, tier=tier, records=own)


def _record(value: Any, where: str) -> dict[str, Any]:
    """Return the keys of a record that a report has. Raise SourceError for one of another shape."""
    if not isinstance(value, dict):
        raise SourceError(f"{where} is no record. {_FIX}")
    record: dict[str, Any] = {key: value.get(key) for key in _KEYS}
    for key, is_right in _KEYS.items():
        if not is_right(record[key]):
            raise SourceError(f"{where}: {key} is missing or is not what the schema says. {_FIX}")
    for key in ("host", *_OPTIONAL):
        text = record[key]
        if text is not None:
            record[key] = shown(text)
    return record


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _number(most: int) -> Callable[[Any], bool]:
    return lambda value: (
        value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most)
    )


_KEYS: Mapping[str, Callable[[Any], bool]] = {
    "host": lambda value: isinstance(value, str) and value != "",
    "destination": _matches(re.compile(r"[0-9a-f:.]{2,45}|[a-z0-9_.-]{3,253}")),
    "protocol": _matches(re.compile(r"[a-z0-9-]{1,40}")),
    "decision": lambda value: value in ("rejected", "would_reject", "allowed"),
    **dict.fromkeys(_OPTIONAL, lambda value: value is None or isinstance(value, str)),
    **dict.fromkeys(("first", "last"), _number(7_258_118_400)),
    **dict.fromkeys(("flows", "packets"), _number(2**64)),
    "answered": lambda value: value is None or isinstance(value, bool),
    "port": _number(65535),
    "uid": _number(2**32),
}
"""The keys of a record, and what each may be; times are until 2200, since dates are made of them."""
