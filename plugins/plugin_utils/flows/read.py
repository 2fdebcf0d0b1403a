# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of every kind, brought into one file of grouped flows that each host's judgement begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import database, files
from .columns import KEY, SUMS
from .errors import FlowError
from .model import Source
from .sources import KINDS

GROUPED = "flows.parquet"


@dataclass(frozen=True)
class Taken:
    """What was read. records: of all sources. groups: of flows that hosts opened. skipped: reason -> records.

    damaged: files that were left out, with the reason. sources: who opened flows and how many, the most first.
    """

    records: int
    groups: int
    skipped: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    sources: list[tuple[str, int]] = field(default_factory=list)


def read(sources: Sequence[Source], directory: Path, skip_damaged: bool = False) -> Taken:
    """Read every source and leave ``GROUPED`` in the directory. Raises FlowError."""
    try:
        return _read(sources, directory)
    except FlowError:
        raise
    except Exception as error:
        if not database.failed(error):
            raise
        damaged = {str(path): why for path, why in files.broken_archives(p for one in sources for p in one.paths)}
        if not damaged:
            raise FlowError(f"the logs cannot be read: {_first(error)}") from error
        if not skip_damaged:
            first, why = next(iter(damaged.items()))
            raise files.damaged(Path(first), why) from error
    try:
        return dataclasses.replace(_read(list(_without(sources, damaged)), directory), damaged=damaged)
    except Exception as error:
        if database.failed(error):
            raise FlowError(f"the logs cannot be read: {_first(error)}") from error
        raise


def _without(sources: Iterable[Source], damaged: dict[str, str]) -> Iterable[Source]:
    for source in sources:
        left = tuple(path for path in source.paths if str(path) not in damaged)
        if left:
            yield dataclasses.replace(source, paths=left)


def _read(sources: Sequence[Source], directory: Path) -> Taken:
    connection = database.connect(directory)
    try:
        made = [_of(source, select) for source in sources for select in KINDS[source.kind](connection, source)]
        if not made:
            raise FlowError("every file of egress_flows is damaged")
        target = database.text(directory / GROUPED)
        keys = ", ".join(f"CASE WHEN skipped IS NULL THEN {key} END AS {key}" for key in KEY)
        sums = ", ".join(f"CAST({function}({column}) AS BIGINT) AS {column}" for column, function in SUMS.items())
        rows = f"SELECT {keys}, {sums}, count(*) AS records, skipped FROM ({' UNION ALL '.join(made)}) GROUP BY ALL"
        connection.execute(f"COPY ({rows}) TO {target} (FORMAT parquet)")
        return _taken(connection, target)
    finally:
        connection.close()


def _of(source: Source, select: str) -> str:
    host = "host" if source.host is None else database.text(source.host)
    return f"SELECT * REPLACE ({host} AS host) FROM ({select})"


def _taken(connection: Any, target: str) -> Taken:
    flows = f"read_parquet({target})"
    records, groups = connection.execute(
        f"SELECT coalesce(sum(records), 0)::BIGINT, count(*) FILTER (skipped IS NULL) FROM {flows}"
    ).fetchone()
    skipped = dict(
        connection.execute(
            f"SELECT skipped, sum(records)::BIGINT FROM {flows} WHERE skipped IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    lines = _rejected(connection)
    if lines:
        skipped["unreadable"] = skipped.get("unreadable", 0) + lines
    sources = connection.execute(
        f"SELECT coalesce(host, source) AS who, sum(flows)::BIGINT AS many FROM {flows} WHERE skipped IS NULL "
        "GROUP BY who ORDER BY many DESC, who"
    ).fetchall()
    return Taken(records + lines, groups, skipped, sources=sources)


def _rejected(connection: Any) -> int:
    """Count the lines that have not the columns of their file: DuckDB notes them in a table made for the first."""
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchone():
        return 0
    found = connection.execute("SELECT count(*) FROM (SELECT DISTINCT scan_id, file_id, line FROM reject_errors)")
    return int(found.fetchone()[0])


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
