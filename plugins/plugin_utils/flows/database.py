# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DuckDB, opened with bounds, and its errors in our words."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .errors import FlowError

MEMORY = "1200MB"
"""What DuckDB keeps in memory at most; the rest of a grouping goes to its directory for temporary files."""


def connect(scratch: Path) -> Any:
    """Open a database in memory that may spill into ``scratch``. Raises FlowError where DuckDB is missing."""
    try:
        duckdb = importlib.import_module("duckdb")
    except ImportError as error:
        raise FlowError(
            "DuckDB reads the logs and is not installed for the controller's Python: pip install 'duckdb>=1.4'"
        ) from error
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute(f"SET temp_directory = {text(scratch)}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def failed(error: Exception) -> bool:
    """Whether an exception is one of DuckDB's own."""
    return type(error).__module__.split(".")[0] in {"duckdb", "_duckdb"}


def text(value: object) -> str:
    """A text literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def name(value: str) -> str:
    """An identifier of SQL."""
    return '"' + value.replace('"', '""') + '"'


def texts(values: Any) -> str:
    """A list of text literals."""
    return "[" + ", ".join(text(value) for value in values) + "]"
