# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in nf_tables as a source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import ledger
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app


def element(*fields: object, packets: int = 3) -> dict[str, Any]:
    return {"elem": {"val": {"concat": list(fields)}, "counter": {"packets": packets, "bytes": packets * 60}}}


def write(path: Path, **sets: list[dict[str, Any]]) -> None:
    objects = [{"set": {"family": "inet", "name": name, "elem": elements}} for name, elements in sets.items()]
    path.write_text(json.dumps({"nftables": [{"metainfo": {}}, *objects]}))


def test_each_kind_of_line_is_read(tmp_path: Path) -> None:
    write(
        tmp_path / "a.json",
        would_deny4=[element("203.0.113.5", "tcp", 443, 1000)],
        would_deny_nosocket4=[element("203.0.113.6", "udp", 53)],
        denied_proto6=[element("2001:db8::1", "ipv6-icmp", 33)],
        allow_other4=[{"prefix": {"addr": "10.0.0.0", "len": 8}}],
    )
    _logs, rows = flows(tmp_path, {"ledger": "a.json", "host": "app1"})
    assert [
        (r["host"], r["destination"], r["protocol"], r["port"], r["uid"], r["accepted"], r["packets"]) for r in rows
    ] == [
        ("app1", "2001:db8::1", 58, None, "33", False, 3),
        ("app1", "203.0.113.5", 6, 443, "1000", True, 3),
        ("app1", "203.0.113.6", 17, 53, None, True, 3),
    ]


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_every_ledger_that_the_compiler_makes_is_known(mode: str) -> None:
    sets = [each for each in compile_table(app(mode=mode))["sets"] if "dynamic" in each.get("flags", ())]
    # What has a limit and no counter says who has a share, not what was denied.
    counting = [each["name"] for each in sets if each.get("counter")]
    assert counting
    assert [name for name in counting if not ledger.is_ledger(name) and not ledger.is_overflow(name)] == []


def test_flows_that_had_no_room_in_the_ledger_are_counted_as_unreadable(tmp_path: Path) -> None:
    flooder = {"elem": {"val": 33, "counter": {"packets": 9, "bytes": 9}}}
    write(
        tmp_path / "a.json",
        would_deny4=[element("203.0.113.5", "tcp", 443, 1000)],
        would_deny_overflow=[flooder, flooder],
        denied_share=[{"elem": {"val": 33}}],
    )
    logs, rows = flows(tmp_path, {"ledger": "a.json", "host": "app1"})
    assert (len(rows), logs.skipped) == (1, {"unreadable": 2})


def test_a_ledger_needs_its_host(tmp_path: Path) -> None:
    write(tmp_path / "a.json")
    with pytest.raises(FlowError, match=r"egress_flows\[0\]: a ledger does not say which host .* Fix: add host:"):
        flows(tmp_path, {"ledger": "a.json"})


@pytest.mark.parametrize(
    "content",
    ["table inet tidegate {}", "5", "{}", '{"nftables": 5}', '{"nftables": [5]}', '{"nftables": [{"set": 1}]}'],
)
def test_what_is_no_listing_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FlowError, match="not what `nft -j list table inet tidegate` prints"):
        flows(tmp_path, {"ledger": "a.json", "host": "app1"})


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    strange: list[Any] = [
        5, {"elem": 5}, {"elem": {"val": "x"}}, element("203.0.113.5"), element("203.0.113.5", "tcp", "many", 1),
        element("203.0.113.5", "tcp", 70000, 1), element("name.example", "tcp", 443, 1),
    ]  # fmt: skip
    write(tmp_path / "a.json", denied4=[*strange, element("203.0.113.5", "tcp", 443, 1000)])
    logs, rows = flows(tmp_path, {"ledger": "a.json", "host": "app1"})
    assert [(row["destination"], row["port"], row["uid"]) for row in rows if row["port"]] == [
        ("203.0.113.5", 443, "1000")
    ]
    assert logs.records == 8
    assert logs.skipped["unreadable"] >= 6
