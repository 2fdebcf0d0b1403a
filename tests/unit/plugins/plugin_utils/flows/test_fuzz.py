# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes in any kind of log: one clear error, or rows that are in the file and a count of the rest."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.sources import KINDS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import LOGS, flows

SECRET = "192.0.2.99"  # in a file beside each log
FLOW = ("10.0.0.5", "203.0.113.10")
RECORD = "2 1 eni-1 10.0.0.5 203.0.113.10 40001 443 6 20 4249 1418530010 1418530070 ACCEPT OK"


def parquet_bytes() -> bytes:
    columns: dict[str, list[Any]] = {
        "srcaddr": ["10.0.0.5"] * 3, "dstaddr": ["203.0.113.10"] * 3, "srcport": [40001] * 3, "dstport": [443] * 3,
        "protocol": [6] * 3, "action": ["ACCEPT"] * 3,
    }  # fmt: skip
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


ELEMENT = {"elem": {"val": {"concat": ["203.0.113.10", "tcp", 443, 0]}, "counter": {"packets": 1, "bytes": 60}}}
CELLS = {"source": "10.0.0.5", "destination": "203.0.113.10", "protocol": "6", "port": "443", "flows": "3.0",
         "packets": "30", "bytes": "40", "first": "5", "last": "9"}  # fmt: skip
SAMPLES: dict[str, list[bytes]] = {
    "vpc": [
        f"{RECORD}\n".encode() * 5,
        (json.dumps({"message": RECORD}) + "\n").encode() * 5,
        json.dumps({"events": [{"message": RECORD}] * 3}, indent=2).encode(),
        parquet_bytes(),
    ],
    "conntrack": [(LOGS / "conntrack-1.4.7-extended.txt").read_bytes(), (LOGS / "nf_conntrack-6.18.txt").read_bytes()],
    "ledger": [json.dumps({"nftables": [{"set": {"name": "denied4", "elem": [ELEMENT] * 3}}]}).encode()],
    "ulogd": [(LOGS / name).read_bytes() for name in ("ulogd-2.0.8.logemu", "ulogd-2.0.8.json")],
    "squid": [b"1795185880.123 150 10.0.0.5 TCP_MISS/200 512 GET http://a.example/ - HIER_DIRECT/203.0.113.10 -\n" * 5],
    "athena": [f"{','.join(CELLS)}\n{','.join(CELLS.values())}\n".encode() * 2],
    "insights": [json.dumps({"results": [[{"field": n, "value": v} for n, v in CELLS.items()]] * 2}).encode()],
}
EVERY_SAMPLE = [sample for samples in SAMPLES.values() for sample in samples]
NOISE = [b"\x00", b"\xff\xfe", b"\x1f\x8b", b"PAR1", b"\r", b"\x01", b'"', b"{", b"[" * 9, b"'", b"9" * 40, b"-", b"\n"]
SETTINGS = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def contents(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """Draw a sample of this kind or another that is cut, damaged or joined with something else; or mere noise."""
    content = draw(st.sampled_from([*samples, *EVERY_SAMPLE]) | st.binary(max_size=200))
    for _change in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content)))
        change = draw(st.sampled_from(["cut", "insert", "overwrite", "join"]))
        noise = draw(st.sampled_from(NOISE) | st.binary(min_size=1, max_size=6))
        if change == "cut":
            content = content[:place]
        elif change == "join":
            content += draw(st.sampled_from(EVERY_SAMPLE))
        else:
            content = content[:place] + noise + content[place + (len(noise) if change == "overwrite" else 0) :]
    return gzip.compress(content)[: draw(st.sampled_from([None, 40, 12]))] if draw(st.booleans()) else content


def read_bounded(kind: str, content: bytes, name: str) -> None:
    """Read one file. Whatever comes out is of this file, and is a flow."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "beside.log").write_text(RECORD.replace("203.0.113.10", SECRET) + "\n")
        (directory / name).write_bytes(content)
        try:
            logs, rows = flows(directory, {kind: name, "host": "app1"})
        except FlowError as error:
            assert str(error).isprintable(), error  # noqa: PT017 - whether there is an error is up to the content
            assert SECRET not in str(error)  # noqa: PT017
            return
    assert SECRET not in repr((logs, rows))
    for row in rows:
        assert 0 <= row["protocol"] <= 255
        assert row["port"] is None or 0 <= row["port"] <= 65535
        assert row["destination"].strip("0123456789abcdefABCDEF:.") == ""
        assert all(row[number] is None or row[number] >= 0 for number in ("flows", "packets", "bytes", "first", "last"))
    assert logs.records >= len(rows)


@pytest.mark.parametrize("kind", sorted(KINDS))
@SETTINGS
@given(data=st.data())
def test_any_content_is_one_error_or_flows_of_that_file(kind: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["a.log", "a.gz", "a.json", "a.csv", "a.parquet"]))
    read_bounded(kind, data.draw(contents(SAMPLES[kind])), name)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_samples_themselves_are_flows(kind: str, tmp_path: Path) -> None:
    for number, content in enumerate(SAMPLES[kind]):
        (tmp_path / f"{number}").write_bytes(content)
        assert flows(tmp_path, {kind: f"{number}", "host": "app1"})[1]


HUGE = {
    "one line of 3 MB": b"x" * 3_000_000,
    "one line of 3 MB before others": b"x" * 3_000_000 + f"\n{RECORD}\n".encode(),
    "an object of 40 MB": b'{"message": "' + b"x" * 40_000_000 + b'"}',
    "deep JSON": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "many words": b"a " * 100_000,
    "gzip of 64 MB of zeros": gzip.compress(bytes(64_000_000)),
    "gzip of 2 MB of lines": gzip.compress(b"a b c\n" * 340_000),
    "empty lines": b"\n" * 300_000,
    "binary": bytes(range(256)) * 2000,
    "utf-16": f"{RECORD}\n".encode("utf-16") * 50,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("content", HUGE.values(), ids=HUGE)
def test_huge_and_strange_content(kind: str, content: bytes) -> None:
    read_bounded(kind, content, "a.log")
