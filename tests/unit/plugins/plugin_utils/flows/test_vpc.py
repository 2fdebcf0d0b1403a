# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC flow logs in the formats that AWS writes them in."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows, keys

HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = "version srcaddr dstaddr srcport dstport protocol bytes start end action tcp-flags pkt-dstaddr flow-direction"


def v2(source: str, destination: str, ports: str, action: str = "ACCEPT", protocol: int = 6) -> str:
    return f"2 123456789010 eni-1 {source} {destination} {ports} {protocol} 20 4249 1418530010 1418530070 {action} OK"


OUT = v2("10.0.0.5", "203.0.113.10", "40001 443")
BACK = v2("203.0.113.10", "10.0.0.5", "443 40001")
NODATA = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA"
SKIPDATA = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA"


def write(path: Path, *lines: str) -> None:
    content = "\n".join(lines) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())


@pytest.mark.parametrize("first", [(), (HEADER,)])
@pytest.mark.parametrize("name", ["flow.log", "flow.log.gz", "2026/11/20/flow.log.gz"])
def test_the_default_format_with_and_without_its_header(first: tuple[str, ...], name: str, tmp_path: Path) -> None:
    write(tmp_path / "logs" / name, *first, OUT, OUT, BACK, NODATA, SKIPDATA, SKIPDATA)
    logs, rows = flows(tmp_path, {"vpc": "logs"})
    assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443)}
    assert (rows[0]["flows"], rows[0]["packets"], rows[0]["bytes"]) == (2, 40, 8498)
    assert (rows[0]["first"], rows[0]["last"]) == (1418530010, 1418530070)
    assert (logs.records, logs.skipped) == (6, {"nodata": 1, "reply": 1, "skipdata": 2})


def test_what_was_rejected_is_a_flow_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "a", OUT, v2("10.0.0.5", "203.0.113.10", "40001 443", "REJECT"))
    assert sorted(row["accepted"] for row in flows(tmp_path, {"vpc": "a"})[1]) == [False, True]


def test_lines_out_of_cloudwatch_begin_with_a_time(tmp_path: Path) -> None:
    write(tmp_path / "a", f"2026-11-20T10:00:00.000Z {OUT}", f"2026-11-20T10:00:01.000Z {NODATA}")
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443)}
    assert logs.skipped == {"nodata": 1}


def line(flags: int, ports: str = "40001 443", way: str = "egress", destination: str = "10.9.9.9") -> str:
    return f"5 10.0.0.5 {destination} {ports} 6 100 1 2 ACCEPT {flags} 203.0.113.10 {way}"


def test_flags_say_who_opened_a_connection_whatever_its_ports(tmp_path: Path) -> None:
    write(tmp_path / "a", V5, line(2), line(3, "443 50000"), line(18), line(19), line(0, "443 40001"), line(0))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443), ("10.0.0.5", "203.0.113.10", 6, 50000)}
    assert sum(row["flows"] for row in rows) == 3
    assert logs.skipped == {"reply": 3}


def test_direction_and_the_packets_own_destination(tmp_path: Path) -> None:
    write(tmp_path / "a", V5, line(2, way="ingress"), line(2, destination="10.0.0.254"))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443)}
    assert logs.skipped == {"inbound": 1}


def test_a_format_of_ones_own_without_its_header(tmp_path: Path) -> None:
    write(tmp_path / "a", "443 40001 203.0.113.10 10.0.0.5 6")
    shape = "${dstport} ${srcport} ${dstaddr} ${srcaddr} ${protocol}"
    assert keys(flows(tmp_path, {"vpc": "a", "format": shape})[1]) == {("10.0.0.5", "203.0.113.10", 6, 443)}


def test_parquet_of_both_spellings(tmp_path: Path) -> None:
    common: dict[str, list[Any]] = {"srcaddr": ["10.0.0.5", "-"], "dstaddr": ["203.0.113.10", "-"]}
    numbers: dict[str, list[Any]] = {"srcport": [40001, 0], "dstport": [443, 0], "protocol": [6, 0], "bytes": [7, 0]}
    texts = {"log_status": ["OK", "NODATA"], "action": ["ACCEPT", "-"]}
    parquet.write_table(pa.table({**common, **numbers, **texts}), tmp_path / "a.parquet")
    logs, rows = flows(tmp_path, {"vpc": "a.parquet"})
    assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443)}
    assert (rows[0]["bytes"], logs.skipped) == (7, {"nodata": 1})


def test_icmp_is_an_echo(tmp_path: Path) -> None:
    write(
        tmp_path / "a", v2("10.0.0.5", "203.0.113.10", "0 0", protocol=1), v2("fd00::5", "fd00::6", "0 0", protocol=58)
    )
    assert {(row["protocol"], row["port"]) for row in flows(tmp_path, {"vpc": "a"})[1]} == {(1, 8), (58, 128)}


def test_lines_with_too_few_fields_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "a", HEADER, OUT, "2 123456789010 eni-1 10.0.0.5", "2 x eni-1 a b c d e f g h i ACCEPT OK")
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert len(rows) == 1
    assert logs.skipped == {"unreadable": 2}


def test_a_format_that_lacks_what_a_policy_needs_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a", "version srcaddr dstaddr protocol bytes action", "2 10.0.0.5 203.0.113.10 6 1 ACCEPT")
    with pytest.raises(FlowError, match=r"/a: the flow log's format lacks srcport, dstport; no policy can"):
        flows(tmp_path, {"vpc": "a"})
    write(tmp_path / "a", "one two three")
    with pytest.raises(FlowError, match=r"its lines have 3 fields, but the default format has 14.*format: '"):
        flows(tmp_path, {"vpc": "a"})
    write(tmp_path / "a", f"{HEADER} srcaddr", f"{OUT} 10.0.0.5")
    with pytest.raises(FlowError, match=r"/a: the flow log's format has srcaddr twice"):
        flows(tmp_path, {"vpc": "a"})


def test_a_truncated_archive_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    lines = [v2(f"10.0.{i % 256}.5", f"203.0.{i % 199}.10", f"{32768 + i % 20000} 443") for i in range(60_000)]
    write(tmp_path / "whole.gz", HEADER, OUT)
    write(tmp_path / "half.gz", HEADER, *lines)
    content = (tmp_path / "half.gz").read_bytes()
    for size in (len(content) // 2, 12):
        (tmp_path / "half.gz").write_bytes(content[:size])
        with pytest.raises(FlowError, match=r"half\.gz: damaged .*egress_flows_skip_damaged"):
            flows(tmp_path, {"vpc": "*.gz"})
        logs, rows = flows(tmp_path, {"vpc": "*.gz"}, skip_damaged=True)
        assert keys(rows) == {("10.0.0.5", "203.0.113.10", 6, 443)}
        assert list(logs.damaged) == [str(tmp_path / "half.gz")]


def test_a_truncated_parquet_file_is_damaged_too(tmp_path: Path) -> None:
    write(tmp_path / "whole", HEADER, OUT)
    parquet.write_table(pa.table({"srcaddr": ["10.0.0.5"] * 99}), tmp_path / "half.parquet")
    content = (tmp_path / "half.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(FlowError, match=r"half\.parquet: damaged \(it is no whole Parquet file\)"):
        flows(tmp_path, {"vpc": "*"})
    logs, rows = flows(tmp_path, {"vpc": "*"}, skip_damaged=True)
    assert (len(rows), list(logs.damaged)) == (1, [str(tmp_path / "half.parquet")])


def test_files_without_content_are_named(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "flow.log", OUT)
    (tmp_path / "logs" / "cut.log.gz").write_bytes(b"")
    (tmp_path / "logs" / "none.log.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "logs" / "none.log").write_text(" \n\n")
    logs, rows = flows(tmp_path, {"vpc": "logs"})
    assert len(rows) == 1
    assert logs.empty == [str(tmp_path / "logs" / name) for name in ("cut.log.gz", "none.log", "none.log.gz")]
    with pytest.raises(FlowError, match=r"Every file of egress_flows is empty or damaged: .*/none\.log\.gz"):
        flows(tmp_path, {"vpc": "logs/none.log.gz"})


def test_what_a_file_is_compressed_with_is_read_from_its_content(tmp_path: Path) -> None:
    (tmp_path / "flow.log").write_bytes(gzip.compress(f"{OUT}\n".encode()) + gzip.compress(f"{BACK}\n".encode()))
    (tmp_path / "plain.gz").write_text(f"{OUT}\n")
    logs, rows = flows(tmp_path, {"vpc": "flow.log"}, {"vpc": "plain.gz"})
    assert (logs.records, logs.skipped, rows[0]["flows"]) == (3, {"reply": 1}, 2)
    (tmp_path / "flow.log").write_bytes(b"\x28\xb5\x2f\xfd rest")
    with pytest.raises(FlowError, match=r"flow\.log: damaged \(it is compressed with zstd; only gzip is read\)"):
        flows(tmp_path, {"vpc": "flow.log"})


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ([], "egress_flows: names no logs"),
        ([{"vpcs": "a"}], r"egress_flows\[0\]\.vpcs: unknown; did you mean vpc\?"),
        ([{"vpc": "a", "squid": "a"}], r"egress_flows\[0\]: names 2 kinds of logs. Fix: name one of vpc, conntrack"),
        ([{"host": "a"}], "names 0 kinds of logs"),
        ([{"vpc": "nowhere"}], r"egress_flows\[0\]\.vpc: .*/nowhere: no such file or directory. Fix: "),
        ([{"vpc": 5}], r"egress_flows\[0\]\.vpc: not a text"),
        ([{"vpc": ""}], r"egress_flows\[0\]\.vpc: not a text, or an empty one"),
        ([{"vpc": "a\0b"}], r"egress_flows\[0\]\.vpc: "),
        ([{"vpc": "**a**/["}], r"egress_flows\[0\]\.vpc: .*: no such file"),
        ([{"squid": "x", "format": "y"}], "only VPC flow logs have a format"),
        (["a"], "Fix: write the kind and the path"),
    ],
)
def test_a_wrong_declaration_names_the_fix(declared: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=message):
        flows(tmp_path, *declared)
