# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Athena (CSV) and CloudWatch Logs Insights (JSON) answered to the queries that are written for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import database
from .columns import COLUMNS, select
from .errors import FlowError
from .model import Source

FIELDS = ("source", "destination", "protocol", "port", "flows", "packets", "bytes", "first", "last")
"""The columns that both queries answer with."""


def read(connection: Any, source: Source) -> list[str]:
    """Return one SELECT for each file. Raises FlowError for an answer to some other query."""
    return [_json(connection, path) if path.suffix == ".json" else _csv(connection, path) for path in source.paths]


def _csv(connection: Any, path: Path) -> str:
    relation = f"read_csv({database.text(path)}, header = true, all_varchar = true, auto_detect = true)"
    names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    _check(path, names)
    return _select(relation)


def _json(connection: Any, path: Path) -> str:
    try:
        answer = json.loads(path.read_text("utf-8"))
        rows = answer["results"] if isinstance(answer, dict) else answer
        found = [{cell["field"]: cell["value"] for cell in row} for row in rows]
    except (OSError, UnicodeError, ValueError, KeyError, TypeError) as error:
        raise FlowError(f"{path}: this is not what `aws logs get-query-results` prints ({error})") from error
    if found:
        _check(path, list(found[0]))
    table = f"answer_{abs(hash(path)):x}"
    connection.execute(f"CREATE TEMP TABLE {table} ({', '.join(f'{field} VARCHAR' for field in FIELDS)})")
    if found:
        marks = ", ".join("?" * len(FIELDS))
        connection.executemany(
            f"INSERT INTO {table} VALUES ({marks})", [[row.get(field) for field in FIELDS] for row in found]
        )
    return _select(table)


def _check(path: Path, names: list[str]) -> None:
    missing = [field for field in FIELDS if field not in names]
    if missing:
        raise FlowError(f"{path}: no answer to the query that whatif writes: it lacks {', '.join(missing)}")


def _select(relation: str) -> str:
    # Insights counts in floating point: 12 comes back as 12.0.
    numbers = {field: f"TRY_CAST(TRY_CAST({field} AS DOUBLE) AS {COLUMNS[field]})" for field in FIELDS[2:]}
    return select({"source": "source", "destination": "destination", **numbers}, relation)
