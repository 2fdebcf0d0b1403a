# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of every kind, brought into one file of grouped flows that each host's judgement begins with."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols

from . import database, direction, files
from .columns import KEY, sums
from .errors import FlowError
from .files import OpenedFiles
from .model import LogFile, Source
from .sources import KINDS

GROUPED = "flows.parquet"
_ADDRESS = "'[0-9A-Fa-f:.]{2,45}'"
_NAME = "'[A-Za-z0-9_.-]{1,253}'"
_USER = "'[A-Za-z0-9_.-]{1,64}'"


@dataclass(frozen=True)
class LogSummary:
    """What was read.

    records: of all sources. groups: of flows that hosts opened. skipped: reason -> records. damaged: files that were
    left out, with the reason. empty: files without any content. sources: who opened flows and how many, the most first.
    """

    records: int
    groups: int
    skipped: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    sources: list[tuple[str, int]] = field(default_factory=list)


def read(sources: Sequence[Source], directory: Path, skip_damaged: bool = False) -> LogSummary:
    """Read every source and leave ``GROUPED`` in the directory. Raises FlowError."""
    directory.mkdir(parents=True, exist_ok=True)
    aliases = Path(tempfile.mkdtemp(prefix="files-", dir=directory))
    try:
        opened = files.open_all((path for source in sources for path in source.paths), aliases)
        if opened.damaged and not skip_damaged:
            raise files.damage(*next(iter(opened.damaged.items())))
        return _read_whole(sources, opened, directory, skip_damaged)
    finally:
        shutil.rmtree(aliases, ignore_errors=True)


def _read_whole(sources: Sequence[Source], opened: OpenedFiles, directory: Path, skip_damaged: bool) -> LogSummary:
    """Read all files, those that end too early left out in a second attempt."""
    try:
        return _read(sources, opened, directory)
    except FlowError:
        raise
    except Exception as error:
        if not database.is_error(error):
            raise
        broken = files.broken_archives(opened.files)
        if not broken:
            raise FlowError(_message(error, opened.files)) from error
        if not skip_damaged:
            raise files.damage(*next(iter(broken.items()))) from error
    whole = [file for file in opened.files if str(file.path) not in broken]
    opened = dataclasses.replace(opened, files=whole, damaged={**opened.damaged, **broken})
    try:
        return _read(sources, opened, directory)
    except Exception as error:
        if database.is_error(error):
            raise FlowError(_message(error, whole)) from error
        raise


def _read(sources: Sequence[Source], opened: OpenedFiles, directory: Path) -> LogSummary:
    if not opened.files:
        names = ", ".join([*opened.empty, *opened.damaged])
        raise FlowError(f"Every file of egress_flows is empty or damaged: {names}")
    connection = database.connect(directory, [file.path for file in opened.files])
    try:
        selects = [
            _of_host(source, select)
            for source in _with_files(sources, opened.files)
            for select in KINDS[source.kind](connection, source)
        ]
        _group(connection, selects)
        target = database.text(directory / GROUPED)
        connection.execute(f"COPY ({_flows('rows_once')}) TO {target} (FORMAT parquet)")
        summary = _summary(connection, target)
    finally:
        connection.close()
    return dataclasses.replace(summary, damaged=dict(sorted(opened.damaged.items())), empty=sorted(opened.empty))


def _with_files(sources: Iterable[Source], opened: Iterable[LogFile]) -> Iterable[Source]:
    by_path = {file.path: file for file in opened}
    for source in sources:
        own = tuple(by_path[path] for path in source.paths if path in by_path)
        if own:
            yield dataclasses.replace(source, files=own)


def _of_host(source: Source, select: str) -> str:
    host = "host" if source.host is None else database.text(source.host)
    return f"SELECT * REPLACE ({host} AS host, {database.text(source.kind)} AS kind) FROM ({select})"


def _group(connection: Any, selects: Sequence[str]) -> None:
    """Group the rows of all sources into the table rows_once, without replies and repetitions."""
    keys = (*KEY, "client_port", "interface")
    kept = ", ".join(f"CASE WHEN skipped IS NULL THEN {key} END AS {key}" for key in keys)
    connection.execute(
        f"CREATE TEMP TABLE rows_read AS SELECT {kept}, {sums()}, count(*) AS records, skipped "
        f"FROM ({' UNION ALL '.join(selects)}) GROUP BY ALL"
    )
    connection.execute(f"CREATE TEMP TABLE rows_valid AS {_valid('rows_read')}")
    connection.execute(f"CREATE TEMP TABLE rows_opened AS {direction.without_replies('rows_valid')}")
    connection.execute(f"CREATE TEMP TABLE rows_once AS {direction.once('rows_opened')}")


def _valid(rows: str) -> str:
    """Return the SELECT that skips rows which are no flow: what a policy judges is missing or out of range."""
    ported = ", ".join(str(number) for number in protocols.WITH_PORTS.values())
    return f"""
        SELECT * REPLACE (
          CASE WHEN skipped IS NOT NULL THEN skipped
               WHEN coalesce(regexp_full_match(destination, {_ADDRESS})
                   OR (destination = name AND regexp_full_match(name, {_NAME})), false)
                 AND coalesce(regexp_full_match(source, {_ADDRESS}), host IS NOT NULL)
                 AND coalesce(protocol BETWEEN 0 AND 255, false)
                 AND coalesce(port BETWEEN 0 AND 65535, protocol NOT IN ({ported})) THEN NULL
               ELSE 'unreadable' END AS skipped,
          CASE WHEN regexp_full_match(uid, {_USER}) THEN uid END AS uid,
          CASE WHEN regexp_full_match(name, {_NAME}) THEN lower(name) END AS name
        ) FROM {rows}
    """


def _flows(rows: str) -> str:
    keys = ", ".join(f"CASE WHEN skipped IS NULL THEN {key} END AS {key}" for key in KEY)
    return f"SELECT {keys}, {sums()}, CAST(sum(records) AS BIGINT) AS records, skipped FROM {rows} GROUP BY ALL"


def _summary(connection: Any, target: str) -> LogSummary:
    flows = f"read_parquet({target})"
    records, groups = connection.execute(
        f"SELECT coalesce(sum(records), 0)::BIGINT, count(*) FILTER (skipped IS NULL) FROM {flows}"
    ).fetchone()
    skipped = dict(
        connection.execute(
            f"SELECT skipped, sum(records)::BIGINT FROM {flows} WHERE skipped IS NOT NULL GROUP BY 1 ORDER BY 1"
        ).fetchall()
    )
    rejected = _rejected_lines(connection)
    if rejected:
        skipped["unreadable"] = skipped.get("unreadable", 0) + rejected
    sources = connection.execute(
        f"SELECT coalesce(host, source) AS who, sum(flows)::HUGEINT AS flows FROM {flows} "
        "WHERE skipped IS NULL GROUP BY who ORDER BY flows DESC, who"
    ).fetchall()
    return LogSummary(records + rejected, groups, skipped, sources=[(who, int(count)) for who, count in sources])


def _rejected_lines(connection: Any) -> int:
    """Count the lines that do not have the columns of their file: DuckDB notes them in a table made for the first."""
    if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'").fetchone():
        return 0
    lines = connection.execute("SELECT count(*) FROM (SELECT DISTINCT scan_id, file_id, line FROM reject_errors)")
    return int(lines.fetchone()[0])


def _message(error: Exception, opened: Iterable[LogFile]) -> str:
    """Return DuckDB's error in one line, with the names that the files have for people."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    for file in opened:
        line = line.replace(str(file.alias), str(file.path))
    return f"The logs cannot be read: {''.join(letter if letter.isprintable() else '?' for letter in line)}"
