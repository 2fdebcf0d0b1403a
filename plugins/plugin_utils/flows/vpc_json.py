# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC flow logs inside JSON: what CloudWatch Logs, its subscriptions and Amazon Data Firehose hand over.

A record is the text in `message`, that of each of the `events` (filter-log-events, get-log-events) or `logEvents` (a
subscription), or an object with the fields by their names. Objects follow each other with or without line ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from . import database
from .model import LogFile

_LISTS = ("events", "logEvents")
_BY_LINE = "format = 'newline_delimited', ignore_errors = true"
_LARGEST = 1 << 25
"""Bytes of one JSON object at most: CloudWatch answers with 1 MiB, Firehose takes records of 1,000 KiB."""


def relation(file: LogFile, fields: Sequence[str], known: Sequence[str]) -> str:
    """Return SQL for a relation with the columns ``known``. fields: the format of the messages."""
    typed = {
        "message": "VARCHAR",
        **dict.fromkeys(_LISTS, "STRUCT(message VARCHAR)[]"),
        **{spelling: "VARCHAR" for field in known for spelling in _spellings(field)},
    }
    columns = ", ".join(f"{database.text(name)}: '{kind}'" for name, kind in typed.items())
    objects = (
        f"read_json({database.text(file.alias)}, columns = {{{columns}}}, maximum_object_size = {_LARGEST}, "
        f"{_format(file.start)})"
    )
    lists = ", ".join(f'[event.message for event in "{name}"]' for name in _LISTS)
    by_name = ", ".join(
        f"coalesce({', '.join(database.name(spelling) for spelling in _spellings(field))}) AS {database.name(field)}"
        for field in known
    )
    rows = f"SELECT unnest(coalesce({lists}, [message])) AS record, {by_name} FROM {objects}"
    words = "string_split_regex(trim(record), '\\s+')"
    # A message with another number of words is in another format: none of its words is what it seems.
    split = f"SELECT *, CASE WHEN len({words}) = {len(fields)} THEN {words} END AS words FROM ({rows})"
    word_of = {field: f"words[{position}], " for position, field in enumerate(fields, start=1)}
    values = [
        f"NULLIF(coalesce({word_of.get(field, '')}{database.name(field)}), '-') AS {database.name(field)}"
        for field in known
    ]
    return f"(SELECT {', '.join(values)} FROM ({split}))"


def messages(start: str) -> list[str]:
    """Return the messages among the first objects of a file that are records of a flow log."""
    texts: list[Any] = []
    for item in _objects(start):
        texts.append(item.get("message"))
        for name in _LISTS:
            events = item.get(name)
            texts += (
                [event.get("message") for event in events if isinstance(event, dict)]
                if isinstance(events, list)
                else []
            )
    # CloudWatch writes messages of its own into a subscription.
    return [text for text in texts if isinstance(text, str) and text.strip() and not text.startswith("CWL ")]


def _spellings(field: str) -> tuple[str, ...]:
    """Return the names that a field has in JSON: `log_status` and `log-status`."""
    return tuple(dict.fromkeys((field, field.replace("_", "-"))))


def _format(start: str) -> str:
    """Return the options of read_json. Where each line is an object, a bad line costs no more than itself."""
    if start.lstrip().startswith("["):
        return "format = 'array'"
    line = next((line for line in start.splitlines() if line.strip()), "")
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return "format = 'unstructured'" if next(_objects(start), None) is not None else _BY_LINE
    return _BY_LINE


def _objects(start: str) -> Iterator[dict[str, Any]]:
    """Yield the whole objects at the beginning of a text."""
    decoder, position = json.JSONDecoder(), 0
    while True:
        while position < len(start) and start[position] in " \t\r\n,[":
            position += 1
        try:
            item, position = decoder.raw_decode(start, position)
        except (ValueError, RecursionError):
            return
        if isinstance(item, dict):
            yield item
