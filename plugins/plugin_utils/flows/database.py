# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DuckDB, with bounds on memory and files, and SQL literals."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .errors import FlowError

MEMORY = "1200MB"
"""What DuckDB keeps in memory at most; the rest of a grouping goes to its directory for temporary files."""


def connect(directory: Path, files: Iterable[Path] = (), *, memory: str = MEMORY, threads: int | None = None) -> Any:
    """Open a database in memory that reads and writes below ``directory`` and reads ``files``, nothing else.

    Raises FlowError where DuckDB is missing.
    """
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError as error:
        raise FlowError(
            "DuckDB reads the logs, but the controller's Python does not have it. Fix: pip install 'duckdb>=1.4'"
        ) from error
    directory.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    settings = {
        "memory_limit": text(memory),
        "temp_directory": text(tempfile.mkdtemp(prefix="duckdb-", dir=directory)),
        "preserve_insertion_order": "false",
        "python_enable_replacements": "false",
        "allowed_directories": texts([f"{directory.resolve()}/", f"{directory}/"]),
        "allowed_paths": texts(sorted({str(path.resolve()) for path in files})),
        "enable_external_access": "false",
        **({"threads": str(threads)} if threads else {}),
    }
    for setting, setting_value in settings.items():
        connection.execute(f"SET {setting} = {setting_value}")
    connection.execute("SET lock_configuration = true")
    return connection


def is_error(error: Exception) -> bool:
    """Return whether an exception is one of DuckDB's own."""
    return type(error).__module__.split(".")[0] in {"duckdb", "_duckdb"}


def table(connection: Any, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """Put rows of texts into a table of their own and return its name."""
    number = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()[0]
    table_name = f"rows_{number}"
    connection.execute(f"CREATE TEMP TABLE {table_name} ({', '.join(f'{name(column)} VARCHAR' for column in columns)})")
    if rows:
        lists = [[row[position] for row in rows] for position in range(len(columns))]
        values = ", ".join(["unnest(?::VARCHAR[])"] * len(columns))
        connection.execute(f"INSERT INTO {table_name} SELECT {values}", lists)
    return table_name


def text(value: object) -> str:
    """Return a text literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def name(value: str) -> str:
    """Return an identifier of SQL."""
    return '"' + value.replace('"', '""') + '"'


def texts(values: Iterable[object]) -> str:
    """Return a list of text literals."""
    return "[" + ", ".join(text(value) for value in values) + "]"
