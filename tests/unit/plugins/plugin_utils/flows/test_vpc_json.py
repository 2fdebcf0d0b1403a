# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC flow logs as CloudWatch Logs, its subscriptions, its command line and Firehose hand them over."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows, keys

OUT = "2 123456789010 eni-1 10.0.0.5 203.0.113.10 40001 443 6 20 4249 1418530010 1418530070 ACCEPT OK"
BACK = "2 123456789010 eni-1 203.0.113.10 10.0.0.5 443 40001 6 20 4249 1418530010 1418530070 ACCEPT OK"
NODATA = "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA"
FLOW = ("10.0.0.5", "203.0.113.10", 6, 443)


def event(message: str, **more: Any) -> dict[str, Any]:
    return {"timestamp": 1418530070000, "message": message, **more}


def subscription(*messages: str, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    events = [event(message, id=str(number)) for number, message in enumerate(messages)]
    return {"messageType": kind, "owner": "1", "logGroup": "vpc", "logStream": "eni-1-all", "logEvents": events}


def lines(*items: object) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


RECORDS = (OUT, BACK, NODATA)
FIELDS = {
    "version": 2, "srcaddr": "10.0.0.5", "dstaddr": "203.0.113.10", "srcport": 40001, "dstport": "443", "protocol": 6,
    "bytes": 4249, "action": "ACCEPT", "log-status": "OK",
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "skipped"),
    [
        # Amazon Data Firehose: one object a record, with line ends or without.
        (lines(*(event(text) for text in RECORDS)), {"reply": 1, "nodata": 1}),
        (lines(*(event(text) for text in RECORDS)).replace("\n", ""), {"reply": 1, "nodata": 1}),
        # A subscription of a log group, first with the message by which CloudWatch tries the stream.
        (lines(subscription("CWL CONTROL MESSAGE: Checking health of destination.", kind="CONTROL_MESSAGE"),
               subscription(OUT, BACK), subscription(NODATA)), {"reply": 1, "nodata": 1, "unreadable": 1}),
        # aws logs filter-log-events, and its events one by one.
        (json.dumps({"events": [event(text, eventId="1") for text in RECORDS]}, indent=4), {"reply": 1, "nodata": 1}),
        (json.dumps([event(text) for text in RECORDS]), {"reply": 1, "nodata": 1}),
        # Records with their fields by name.
        (lines(FIELDS, {**FIELDS, "log-status": "NODATA"}, {**FIELDS, "log_status": "SKIPDATA"}),
         {"nodata": 1, "skipdata": 1}),
        # A broken line costs no more than itself.
        (lines(event(OUT)) + '{"message": "2 1\n' + lines(event(BACK), event("of another format"), 7),
         {"reply": 1, "unreadable": 3}),
    ],
    ids=["firehose", "joined", "subscription", "events", "array", "fields", "broken"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_way_in_which_aws_wraps_a_record(
    content: str, skipped: dict[str, int], packed: bool, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {FLOW}
    assert (rows[0]["flows"], rows[0]["bytes"]) == (1, 4249)
    assert logs.skipped == skipped


def test_messages_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(lines(event("443 40001 203.0.113.10 10.0.0.5 6")))
    shape = "${dstport} ${srcport} ${dstaddr} ${srcaddr} ${protocol}"
    assert keys(flows(tmp_path, {"vpc": "a", "format": shape})[1]) == {FLOW}
    with pytest.raises(
        FlowError, match=r"/a: its messages have 5 fields, but the default format has 14.*Fix: give the"
    ):
        flows(tmp_path, {"vpc": "a"})


@pytest.mark.parametrize(
    "start",
    ["2026-11-20T10:00:00.000Z", "2026-11-20T10:00:00", "2026-11-20T10:00:00.123000+00:00",
     "2026-11-20T10:00:00.123000+00:00 eni-1-all"],
)  # fmt: skip
def test_the_lines_of_aws_logs_tail(start: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{start} {text}\n" for text in RECORDS))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {FLOW}
    assert logs.skipped == {"reply": 1, "nodata": 1}
