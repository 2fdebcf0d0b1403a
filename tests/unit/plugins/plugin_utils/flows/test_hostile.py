# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that somebody else wrote: no content of a file is SQL, a pattern, or a way to another file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import database
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows, keys

LINE = "2 123456789010 eni-1 10.0.0.5 203.0.113.10 40001 443 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
OTHER = LINE.replace("203.0.113.10", "192.0.2.99")
FLOW = ("10.0.0.5", "203.0.113.10", 6, 443)
COLUMNS: dict[str, list[Any]] = {
    "srcaddr": ["10.0.0.5"], "dstaddr": ["203.0.113.10"], "srcport": [40001], "dstport": [443], "protocol": [6],
}  # fmt: skip


@pytest.mark.parametrize(
    "column",
    [
        # The name of this column became a second expression with a field's name, so that its value was a destination.
        "x, (select content from read_text('/etc/passwd')) as pkt_dstaddr",
        "x\", (select content from read_text('/etc/passwd')) as \"pkt_dstaddr",
        "x from (select 1)) --",
        "'",
        "",
    ],
)
def test_a_column_of_a_parquet_file_is_never_sql(column: str, tmp_path: Path) -> None:
    table = {**COLUMNS, "pkt_dstaddr": ["203.0.113.10"], column: ["10.9.9.9"]}
    parquet.write_table(pa.table(table), tmp_path / "a.parquet")
    logs, rows = flows(tmp_path, {"vpc": "a.parquet"})
    assert (keys(rows), logs.skipped) == ({FLOW}, {})


def test_a_header_of_a_text_file_is_never_sql(tmp_path: Path) -> None:
    header = "srcaddr dstaddr srcport dstport protocol a','VARCHAR'});-- \"b'"
    (tmp_path / "a").write_text(f"{header}\n10.0.0.5 203.0.113.10 40001 443 6 x y\n")
    assert keys(flows(tmp_path, {"vpc": "a"})[1]) == {FLOW}


def test_a_header_of_an_answer_is_never_sql(tmp_path: Path) -> None:
    names = ["source", "destination", "protocol", "port", "flows", "packets", "bytes", "first", "last"]
    evil = "last', (select content from read_text('/etc/passwd')) as destination, '"
    (tmp_path / "a.csv").write_text(f'{",".join(names)},"{evil}"\n10.0.0.5,203.0.113.10,6,443,1,1,1,1,1,x\n')
    assert keys(flows(tmp_path, {"athena": "a.csv"})[1]) == {FLOW}


def test_columns_of_a_parquet_file_may_have_any_type(tmp_path: Path) -> None:
    strange = {**COLUMNS, "bytes": [{"a": 1}], "start": [b"\x00\xff"], "action": [["ACCEPT"]], "tcp_flags": ["many"]}
    parquet.write_table(pa.table(strange), tmp_path / "a.parquet")
    _logs, rows = flows(tmp_path, {"vpc": "a.parquet"})
    assert keys(rows) == {FLOW}
    assert (rows[0]["bytes"], rows[0]["first"]) == (None, None)


def test_parquet_files_with_different_columns_are_read_together(tmp_path: Path) -> None:
    parquet.write_table(pa.table(COLUMNS), tmp_path / "a.parquet")
    dashed = {name.replace("src", "SRC"): value for name, value in COLUMNS.items()}
    parquet.write_table(pa.table({**dashed, "log-status": ["OK"]}), tmp_path / "b.parquet")
    _logs, rows = flows(tmp_path, {"vpc": "*.parquet"})
    assert (keys(rows), rows[0]["flows"]) == ({FLOW}, 2)


@pytest.mark.parametrize("name", ["a*.log", "a?.log", "[a]b.log", "a[*].log", "{a,ab}.log", "a b'c\".log", "s3:a.log"])
def test_a_name_of_a_file_is_no_pattern(name: str, tmp_path: Path) -> None:
    (tmp_path / "ab.log").write_text(OTHER)
    (tmp_path / name).write_text(LINE)
    assert keys(flows(tmp_path, {"vpc": name})[1]) == {FLOW}


def test_a_name_of_a_directory_is_no_pattern_and_no_column(tmp_path: Path) -> None:
    base = tmp_path / "[ab]" / "dstaddr=192.0.2.1"
    base.mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.parquet").write_text(OTHER)
    parquet.write_table(pa.table(COLUMNS), base / "b.parquet")
    assert keys(flows(tmp_path, {"vpc": "[ab]"})[1]) == {FLOW}
    assert keys(flows(tmp_path / "[ab]", {"vpc": "*/*.parquet"})[1]) == {FLOW}


def test_duckdb_reads_what_is_declared_and_nothing_else(tmp_path: Path) -> None:
    declared, other, work = tmp_path / "declared.log", tmp_path / "other.log", tmp_path / "work"
    declared.write_text("1")
    other.write_text("2")
    connection = database.connect(work, [declared])
    try:
        assert connection.execute(f"SELECT content FROM read_text('{declared}')").fetchall() == [("1",)]
        for query in (
            f"SELECT * FROM read_text('{other}')",
            f"SELECT * FROM read_text('{work}/../other.log')",
            f"SELECT * FROM read_csv('{tmp_path}/*.log')",
            f"COPY (SELECT 1) TO '{other}'",
            f"ATTACH '{tmp_path}/new.db'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SELECT * FROM other_in_python",
        ):
            other_in_python = pa.table({"secret": [1]})
            with pytest.raises(Exception, match=r"."):
                connection.execute(query)
        assert other_in_python.num_rows == 1
        assert other.read_text() == "2"
    finally:
        connection.close()


def test_a_link_in_the_own_directory_leads_to_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(OTHER)
    work = tmp_path / "work"
    connection = database.connect(work)
    try:
        (work / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(Exception, match="disabled by configuration"):
            connection.execute(f"SELECT * FROM read_text('{work}/link')")
    finally:
        connection.close()


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FlowError, match="/a: no file in this directory"):
        flows(tmp_path, {"vpc": "a"})


def test_files_of_proc_have_content_and_no_size(tmp_path: Path) -> None:
    logs, rows = flows(tmp_path, {"squid": "/proc/self/status"})
    assert (rows, set(logs.skipped)) == ([], {"unreadable"})
    assert logs.records > 10


POSITIONS = {"dstport": 6, "protocol": 7, "packets": 8, "bytes": 9, "start": 10, "end": 11}


def changed(**values: object) -> str:
    words = LINE.split()
    for name, value in values.items():
        words[POSITIONS[name]] = str(value)
    return " ".join(words) + "\n"


@pytest.mark.parametrize(
    "values",
    [
        {"dstport": 65536},
        {"dstport": -1},
        {"dstport": "x"},
        {"protocol": 256},
        {"protocol": 10**30},
        {"packets": 10**40},
    ],
    ids=str,
)
def test_a_number_out_of_range_is_no_flow(values: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "a").write_text(changed(**values) + LINE)
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert (keys(rows), rows[0]["flows"], logs.skipped) == ({FLOW}, 1, {"unreadable": 1})


def test_sums_and_times_have_bounds(tmp_path: Path) -> None:
    huge = 2**63 - 1
    (tmp_path / "a").write_text(changed(bytes=huge, packets=-5, start=-1, end=10**15) + changed(bytes=huge))
    _logs, rows = flows(tmp_path, {"vpc": "a"})
    assert [rows[0][name] for name in ("bytes", "packets", "first", "last")] == [huge, 20, 1418530010, 1418530070]


def test_what_is_no_address_is_no_flow_and_shown_nowhere(tmp_path: Path) -> None:
    evil = "\x1b[31mred<script>"
    (tmp_path / "a").write_text(LINE + LINE.replace("10.0.0.5", evil) + LINE.replace("203.0.113.10", evil))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert (keys(rows), logs.skipped) == ({FLOW}, {"unreadable": 2})
    assert evil not in repr((logs, rows))
