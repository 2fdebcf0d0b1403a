# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of hosts that answer, of those that do not, and of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.tests.support import fleets
from ansible_collections.tidegate.nftables.tests.support.controller import Controller

APP = {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"], "egress_dns_servers": ["10.0.0.53"]}
LINE = {"address": "198.51.100.9", "protocol": 17, "port": 9999, "uid": 0, "user": "root", "packets": 3}
MOMENTS = {"first": fleets.END - 60, "last": fleets.END - 30}
KNOWN: dict[str, Any] = {
    "status": {"pending": None, "table": "confirmed", "saved": "ok", "watcher": True, "nft": "1.0.6"},
    "observed": {"confirmed": True, "observes": False, "since": None, "now": fleets.END, "ledger": [], "overflow": []},
    "ledger": {
        "now": fleets.END,
        "lines": [{**LINE, **MOMENTS, "name": None, "observed": False, "bytes": 90}],
        "overflow": [],
        "allowed": {"since": None, "left_out": 0, "lines": [{**LINE, **MOMENTS, "address": "203.0.113.77"}]},
    },
    "events": [fleets.event("confirmed", "2026-11-20T10:00:00Z", who="alice")],
    "entries": {"payments": 0},
}


def test_hosts_are_files_and_every_host_is_in_the_page(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    hosts = {"app1": APP, "app2": APP, "app3": APP, "app4": {**APP, "egress_dns_servers": ["none"]}}
    controller = Controller(tmp_path, {"all": {"hosts": hosts}})
    for host in hosts:
        answer = KNOWN if host == "app1" else {"failed": True, "msg": "no nft\x1b[2J here"}
        result = controller.run(host, "egress_report", {}, lambda *_asked, answer=answer: answer)
        kept = {"unreachable": True} if host == "app3" else result
        controller.variables.set_nonpersistent_facts(host, {"known": kept})
    page = controller.run("app1", "egress_report", {"phase": "report", "results": "known"})
    assert {key: page[key] for key in ("hosts", "silent", "records", "not_allowed")} == {
        "hosts": 4,
        "silent": 3,
        "records": 2,
        "not_allowed": 1,
    }
    *_before, sentence, took = controller.printed
    assert sentence == "egress-report/report.html: 4 hosts, 3 hosts without data, 1 flow not allowed."
    assert took.startswith("4 hosts, 2 records: reported in ")
    text = (tmp_path / "egress-report" / "report.html").read_text(encoding="utf-8")
    assert all(
        words in text
        for words in ("198.51.100.9", "203.0.113.77", "udp/9999", "alice", "gave no answer", "no nft", "payments")
    )
    assert "egress_dns_servers" in text
    assert "\x1b" not in text
    # The next report compares with this one.
    controller.run("app1", "egress_report", {"phase": "report", "results": "known"})
    text = (tmp_path / "egress-report" / "report.html").read_text(encoding="utf-8")
    assert "compared with the report of" in text
    assert ": 0 destinations</h2>" in text


def test_files_of_records_need_no_host(tmp_path: Path) -> None:
    controller = Controller(tmp_path, {"all": {"hosts": {"app1": {}}}})
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps({"records": [fleets.record("db7", "database")]}))
    arguments = {"phase": "report", "source": str(folder), "directory": str(tmp_path / "out")}
    assert controller.run("app1", "egress_report", arguments)["records"] == 1
    (folder / "a.json").write_text("{")
    failed = controller.run("app1", "egress_report", arguments)
    assert (failed["failed"], failed["reason"]) == (True, "bad_records")
    assert "a.json is no JSON, or was cut off" in failed["msg"]
