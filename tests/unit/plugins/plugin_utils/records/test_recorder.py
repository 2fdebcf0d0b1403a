# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reader gives records of the published shape, and the policy's word about each flow is right."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import groups, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import COLUMNS, Recorder, policy_hash
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import LOGS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.test_logs import HERE, HERE6, SQUID
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

SCHEMA = json.loads((CHECKOUT / "docs" / "schema" / "flow-1.json").read_text())
LINE = {
    "address": "203.0.113.9",
    "name": None,
    "protocol": 6,
    "port": 80,
    "uid": 33,
    "user": "www-data",
    "observed": False,
    "packets": 4,
    "bytes": 240,
    "first": 1795170000.2,
    "last": 1795173600.9,
}
ALLOW: Any = {
    "egress_allow_app": [
        entry(),
        entry(name="web", to=["198.51.100.0/24"], services=["http"], users=["payd"]),
        entry(name="six", to=["2001:db8::/32"]),
    ]
}
INSIGHTS = json.dumps(
    {
        "results": [
            [
                {"field": name, "value": str(value)}
                for name, value in {
                    "source": HERE,
                    "destination": "203.0.113.10",
                    "protocol": 6,
                    "port": 443,
                    "flows": 3,
                    "packets": 9,
                    "bytes": 900,
                    "first": 1795170000,
                    "last": 1795170100,
                }.items()
            ]
        ]
    }
)
VPC = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
    "log-status\n"
    f"2 1 eni-1 {HERE} 203.0.113.10 40000 443 6 9 900 1795170000 1795170100 ACCEPT OK\n"
    f"2 1 eni-1 {HERE} 203.0.113.66 40000 25 6 1 60 1795170000 1795170100 REJECT OK\n"
)
SET = {
    "name": "denied4",
    "elem": [{"elem": {"val": {"concat": ["203.0.113.66", "tcp", 25, 33]}, "counter": {"packets": 2, "bytes": 120}}}],
}
CONTENT = {
    "squid": SQUID,
    "insights": INSIGHTS,
    "athena": "source,destination,protocol,port,flows,packets,bytes,first,last\n"
    f"{HERE},203.0.113.10,6,443,3,9,900,1795170000,1795170100\n",
    "vpc": VPC,
    "ledger": json.dumps({"nftables": [{"set": SET}]}),
}
FILES = {
    "conntrack": "conntrack-1.4.7.txt",
    "ulogd": "ulogd-2.0.8.json",
}


def of_log(directory: Path, declared: dict[str, str], **variables: Any) -> list[dict[str, Any]]:
    """The records that one log gives for the host app1."""
    resolved, scratch = build(**{**ALLOW, **variables}), directory / "scratch"
    read(sources.parse([declared], directory), scratch)
    return list(Recorder(resolved).of_logs(groups.of_host("app1", [HERE, HERE6], scratch, COLUMNS)))


def need_valid(records: list[dict[str, Any]]) -> None:
    assert records
    for record in records:
        Draft202012Validator(SCHEMA).validate(record)


@pytest.mark.parametrize("kind", list(sources.KINDS))
def test_each_kind_of_log_gives_records_of_the_published_shape(kind: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(CONTENT[kind] if kind in CONTENT else (LOGS / FILES[kind]).read_text())
    host = {"host": "app1"} if kind == "ledger" else {}
    records = of_log(tmp_path, {kind: "log", **host})
    need_valid(records)
    assert {(record["source"], record["host"], record["tier"]) for record in records} == {(kind, "app1", "app")}


def test_the_schema_is_strict() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    (record,) = Recorder(build()).of_ledger([LINE])
    need_valid([record])
    for wrong in ({**record, "more": 1}, {**record, "version": 2}, {**record, "port": 65536}, {**record, "user": ""}):
        assert not Draft202012Validator(SCHEMA).is_valid(wrong)
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == set(record)


def test_a_line_of_the_ledger_names_what_decides_and_what_comes_nearest() -> None:
    resolved = build(**ALLOW, egress_never=[{"to": ["192.0.2.0/24"]}])
    lines = [
        LINE,
        {**LINE, "address": "198.51.100.7"},
        {**LINE, "address": "203.0.113.7", "port": 443, "observed": True},
        {**LINE, "address": "192.0.2.7", "protocol": 132, "uid": None, "user": None},
        {**LINE, "address": "fe80::1", "protocol": 255, "port": None, "user": None},
    ]
    records = list(Recorder(resolved).of_ledger(lines))
    need_valid(records)
    assert [(record["entry"], record["nearest"], record["cause"], record["decision"]) for record in records] == [
        (None, "api", "unlisted", "rejected"),
        (None, "web", "unlisted", "rejected"),
        ("api", None, "entry", "would_reject"),
        (None, None, "never", "rejected"),
        (None, None, "unlisted", "rejected"),
    ]
    assert [record["protocol"] for record in records] == ["tcp", "tcp", "tcp", "sctp", "255"]
    assert [record["answered"] for record in records[:3]] == [False, False, None]
    assert (records[0]["first"], records[0]["last"]) == (1795170000, 1795173600)
    assert {record["policy"] for record in records} == {policy_hash(resolved)} != {policy_hash(build())}


def test_what_passed_and_is_not_allowed_would_be_rejected(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(SQUID)
    records = {record["destination"]: record for record in of_log(tmp_path, {"squid": "log"})}
    assert {address: (record["decision"], record["entry"], record["name"]) for address, record in records.items()} == {
        "203.0.113.10": ("allowed", "api", "api.example"),
        "198.51.100.30": ("would_reject", None, "mirror.example"),
        "2001:db8::30": ("would_reject", None, "m.example"),
        "198.51.100.66": ("rejected", None, None),
        "bad.example": ("rejected", None, "bad.example"),
    }
    # The entry web is for a user, and the log does not say whose socket it was.
    assert (records["198.51.100.30"]["nearest"], records["198.51.100.30"]["cause"]) == ("web", "entry")


def test_conntrack_knows_who_answered(tmp_path: Path) -> None:
    lines = [
        f"udp      17 25 src={HERE} dst={address} sport=4 dport=9 {state}src={address} dst={HERE} sport=9 dport=4\n"
        for address, state in (("192.0.2.9", "[UNREPLIED] "), ("192.0.2.10", ""))
    ]
    (tmp_path / "log").write_text("".join(lines))
    records = of_log(tmp_path, {"conntrack": "log"})
    assert {record["destination"]: record["answered"] for record in records} == {"192.0.2.9": False, "192.0.2.10": True}


def test_names_of_a_log_are_names_or_nothing(tmp_path: Path) -> None:
    line = "1795185880.1 1 10.10.2.10 TCP_MISS/200 9 GET http://<b>.example/ - HIER_DIRECT/203.0.113.10 -\n"
    (tmp_path / "log").write_text(line)
    (record,) = of_log(tmp_path, {"squid": "log"})
    assert record["name"] is None


def test_names_of_a_host_are_names_or_nothing() -> None:
    lines = [{**LINE, "name": name} for name in ("api.example.com", "<b>.example", "a" * 254, None)]
    records = list(Recorder(build(**ALLOW)).of_ledger(lines))
    need_valid(records)
    assert [record["name"] for record in records] == ["api.example.com", None, None, None]


def test_a_hundred_thousand_records_take_less_than_two_seconds() -> None:
    resolved = build(
        egress_allow_app=[
            entry(
                name=f"e{number}",
                to=[f"203.0.{number}.0/26"],
                services=["https"],
                users=["payd"] if number % 2 else ...,
            )
            for number in range(30)
        ]
    )

    def lines() -> Iterator[dict[str, Any]]:
        # 5,000 destinations, on each of them 4 ports and 5 users.
        for number in range(5000):
            for port in range(20):
                yield {
                    **LINE,
                    "address": f"203.0.{number % 40}.{number // 40}",
                    "port": 440 + port % 4,
                    "uid": 1000 + port,
                    "user": None,
                }

    began = time.process_time()
    records = list(Recorder(resolved).of_ledger(lines()))
    assert time.process_time() - began < 2
    assert len(records) == 100_000


def test_what_an_entry_allowed_is_allowed_whatever_the_policy_says_now() -> None:
    allow: Any = [*ALLOW["egress_allow_app"], entry(name="named", to=["api.example"])]
    recorder = Recorder(build(egress_names="resolver", egress_dns_servers=["10.0.0.53"], egress_allow_app=allow))
    lines = [
        {**LINE, "port": port, "address": to} for port, to in ((443, "203.0.113.10"), (443, "8.8.8.8"), (22, "8.8.8.8"))
    ]
    records = list(recorder.of_allowed(lines))
    for record in records:
        Draft202012Validator(SCHEMA).validate(record)
    assert [(record["decision"], record["entry"]) for record in records] == [
        ("allowed", "api"),
        ("allowed", "named"),
        ("allowed", None),
    ]
    assert {(record["packets"], record["bytes"], record["answered"]) for record in records} == {(4, None, None)}
