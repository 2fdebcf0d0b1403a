# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of records: what is read, and one clear error for what cannot be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report import sources
from ansible_collections.tidegate.nftables.tests.support import fleets

RECORD = fleets.record("app1", "app")


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", {"records": [RECORD, RECORD], "changed": False}),
        ("a.json", [RECORD, RECORD]),
        ("a.ndjson", f"{json.dumps(RECORD)}\n\n{json.dumps(RECORD)}\n"),
    ],
)
def test_results_lists_and_lines_of_records_are_read(tmp_path: Path, name: str, content: Any) -> None:
    written(tmp_path, name, content)
    (data,) = sources.read_folder(tmp_path)
    assert (data.host, data.tier, len(data.records), data.row) == ("app1", "app", 2, None)


def test_what_the_action_wrote_is_what_is_read(tmp_path: Path) -> None:
    known = {"host": "db/1", "tier": "database", "row": fleets.row(), "now": 5.0, "records": [RECORD]}
    assert "/" not in sources.file_name("db/1")
    path = written(tmp_path, sources.file_name("db/1"), sources.document(known))
    (data,) = sources.read_file(path)
    assert (data.host, data.tier, data.now, data.records[0]["user"]) == ("db/1", "database", 5.0, "payd")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", json.dumps({"records": [RECORD]})[:-9], "a.json is no JSON, or was cut off"),
        ("a.ndjson", json.dumps(RECORD) + '\n{"version": 1', "a.ndjson:2 is no JSON, or was cut off"),
        ("a.json", "[" * 200_000, "is no JSON, or was cut off"),
        ("a.json", {"hosts": []}, "has no list of records"),
        ("a.json", {"host": "x", "version": 9, "records": []}, "has version 9, not 1"),
        ("a.json", {"host": "x", "version": 1, "records": [], "row": []}, "row is a list"),
        ("a.json", [[]], "records[0] is no record"),
        ("a.json", [{**RECORD, "destination": "<b>"}], "records[0]: destination is missing or is not"),
        ("a.json", [{**RECORD, "decision": "maybe"}], "records[0]: decision is missing or is not"),
        ("a.json", [{**RECORD, "user": 5}], "records[0]: user is missing or is not"),
        ("a.json", [{**RECORD, "first": 10**30}], "records[0]: first is missing or is not"),
        ("a.json", [{**RECORD, "packets": True}], "records[0]: packets is missing or is not"),
    ],
)
def test_an_error_names_place_and_fix(tmp_path: Path, name: str, content: Any, message: str) -> None:
    written(tmp_path, name, content)
    with pytest.raises(sources.SourceError) as error:
        list(sources.read_folder(tmp_path))
    assert message in str(error.value)
    assert "Fix: " in str(error.value)


def test_a_folder_of_rotated_files_is_read_whole(tmp_path: Path) -> None:
    """As logrotate leaves them: one that is written, numbered and dated ones, most of them compressed."""
    line = f"{json.dumps(RECORD)}\n".encode()
    for name in ("a.ndjson", "a.ndjson.1", "a.ndjson-20261129"):
        (tmp_path / name).write_bytes(line)
    for name in ("a.ndjson.2.gz", "b.ndjson-20261128.gz"):
        (tmp_path / name).write_bytes(gzip.compress(line * 2))
    (tmp_path / "c.json.1.gz").write_bytes(gzip.compress(json.dumps([RECORD]).encode()))
    (tmp_path / "notes.txt").write_text("of somebody")
    assert sum(len(data.records) for data in sources.read_folder(tmp_path)) == 3 + 4 + 1
    (tmp_path / "a.ndjson.2.gz").write_bytes(gzip.compress(line * 2)[:-9])
    with pytest.raises(sources.SourceError, match=r"a\.ndjson\.2\.gz cannot be read: .*Fix: "):
        list(sources.read_folder(tmp_path))


def test_other_bytes_and_empty_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(sources.SourceError, match="has no file of records"):
        list(sources.read_folder(tmp_path))
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(sources.SourceError, match="is no text in UTF-8"):
        list(sources.read_folder(tmp_path))


def test_texts_are_printable_and_bounded(tmp_path: Path) -> None:
    written(tmp_path, "a.json", [{**RECORD, "user": "\x1b[2J" + "x" * 10_000}])
    ((record,),) = (data.records for data in sources.read_folder(tmp_path))
    assert record["user"].isprintable()
    assert len(record["user"]) <= sources.TEXT_LIMIT
