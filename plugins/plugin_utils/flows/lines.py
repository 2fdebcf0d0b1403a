# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of lines: each is one JSON object, or one text whose facts are matched by regular expressions (RE2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import database
from .model import LogFile


def relation(files: Sequence[LogFile]) -> str:
    """Return SQL for a relation with the one column ``line``."""
    options = (
        "delim = '\\x01', header = false, columns = {'line': 'VARCHAR'}, quote = '', escape = '', "
        "auto_detect = false, strict_mode = false, ignore_errors = true, store_rejects = true"
    )
    return f"read_csv({database.texts(file.alias for file in files)}, {options})"


def json_relation(files: Sequence[LogFile], kinds: Mapping[str, str]) -> str:
    """Return SQL for a relation of logs with an object on each line. kinds: DuckDB's types of fields, by name."""
    columns = ", ".join(f"{database.text(name)}: '{kind}'" for name, kind in kinds.items())
    return (
        f"read_json({database.texts(file.alias for file in files)}, format = 'newline_delimited', "
        f"ignore_errors = true, columns = {{{columns}}})"
    )


def matched(pattern: str, group: int = 1, column: str = "line") -> str:
    """Return SQL for what a group of a pattern matches first, NULL for nothing."""
    return f"NULLIF(regexp_extract({column}, {database.text(pattern)}, {group}), '')"


def number(pattern: str, group: int = 1) -> str:
    """Return SQL for the number that a group of a pattern matches first, NULL for none."""
    return f"TRY_CAST({matched(pattern, group)} AS BIGINT)"
