# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of Athena (CSV) and CloudWatch Logs Insights (JSON) to the queries that whatif writes for them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import database, files
from .columns import select
from .errors import FlowError
from .model import LogFile, Source

FIELDS = ("source", "destination", "protocol", "port", "flows", "packets", "bytes", "first", "last")
"""The columns of both answers."""


def read(connection: Any, source: Source) -> list[str]:
    """Return one SELECT for each file. Raises FlowError for an answer to some other query."""
    return [_json(connection, file.path) if file.content == "json" else _csv(file) for file in source.files]


def _csv(file: LogFile) -> str:
    try:
        names = next(csv.reader([file.first_line]), [])
    except csv.Error as error:
        raise FlowError(f"{file.path}: its first line is no CSV: {error}") from error
    _check(file.path, names)
    # Nothing but the known names comes out of a file into SQL.
    positions = [name if name in FIELDS else f"other {position}" for position, name in enumerate(names)]
    columns = ", ".join(f"{database.text(name)}: 'VARCHAR'" for name in positions)
    options = (
        f"header = true, columns = {{{columns}}}, delim = ',', quote = '\"', escape = '\"', auto_detect = false, "
        "strict_mode = false, ignore_errors = true, store_rejects = true"
    )
    return _select(f"read_csv({database.text(file.alias)}, {options})")


def _json(connection: Any, path: Path) -> str:
    try:
        answer = json.loads(files.read_text(path))
        results = answer["results"] if isinstance(answer, dict) else answer
        rows = [{cell["field"]: str(cell["value"]) for cell in result} for result in results]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FlowError(
            f"{path}: not what `aws logs get-query-results` prints ({type(error).__name__}: {error})"
        ) from error
    if rows:
        _check(path, list(rows[0]))
    return _select(database.table(connection, FIELDS, [[row.get(field) for field in FIELDS] for row in rows]))


def _check(path: Path, names: Sequence[str]) -> None:
    missing = [field for field in FIELDS if field not in names]
    if missing:
        raise FlowError(f"{path}: no answer to the query that whatif writes: it lacks {', '.join(missing)}")
    if len(set(names)) < len(names):
        raise FlowError(f"{path}: no answer to the query that whatif writes: two of its columns have the same name")


def _select(relation: str) -> str:
    # Insights counts in floating point: 12 comes back as 12.0.
    numbers = {field: f"TRY_CAST({field} AS DOUBLE)" for field in FIELDS[2:]}
    return select({"source": "source", "destination": "destination", **numbers}, relation)
