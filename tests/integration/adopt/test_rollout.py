# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""observe.yml and enforce.yml on one host: who is left as it is, who enforces, and what group_vars say about it."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import records
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_playbooks import named
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

SCHEMA = json.loads((CHECKOUT / "docs" / "schema" / "flow-1.json").read_text())
OBSERVE, ENFORCE = "tidegate.nftables.observe", "tidegate.nftables.enforce"
STATUS = "tidegate.nftables.status"
REPORT = "tidegate.nftables.report"
STRANGER = ("198.51.100.9", 9999)


def write(project: HostProject, **changes: Any) -> None:
    project.write("group_vars/all/egress.yml", {**project.common, "egress_mode": "observe", **changes})


def enforcing(project: HostProject) -> bool:
    listing = project.nft("list", "chain", "inet", "tidegate", "egress_denied")
    assert "chain egress_denied" in listing, listing
    return "goto egress_enforced" in listing


def age(project: HostProject, hours: float) -> None:
    """Make the confirmed policy older than it is, by so many hours."""
    path = Paths(str(project.root)).confirmed
    record = records.load(path)
    assert record is not None
    path.write_bytes(records.dump(replace(record, running_time=record.running_time - hours * 3600)))


def recorded(project: HostProject) -> list[dict[str, Any]]:
    """Return what egress_flows_info gives of the host."""
    copy = {"content": "{{ flows.records | to_json }}", "dest": str(project.path / "flows.json"), "mode": "0600"}
    tasks = [{"tidegate.nftables.egress_flows_info": {}, "register": "flows"}, {"ansible.builtin.copy": copy}]
    project.write("flows.yml", [{"hosts": "app1", "gather_facts": False, "tasks": tasks}])
    project.play(playbook="flows.yml").ok()
    records: list[dict[str, Any]] = json.loads(project.read("flows.json"))
    return records


@pytest.fixture
def observed(connected: HostProject) -> HostProject:
    """The project, observing since a moment ago."""
    write(connected)
    run = named(connected, OBSERVE)
    assert run.code == 0, run.output
    assert "app1: Not ready: observed 0 of 72 h (ready " in run.output
    return connected


def test_a_host_enforces_when_it_was_observed_long_enough(observed: HostProject) -> None:
    early = named(observed, ENFORCE)
    assert early.code != 0
    assert "Not changed. Not ready: observed 0 of 72 h" in early.output
    assert not enforcing(observed)
    age(observed, 71.5)
    assert "Not changed. Not ready: observed 71 of 72 h" in named(observed, ENFORCE).output
    assert not enforcing(observed)
    age(observed, 1)
    ready = named(observed, ENFORCE)
    assert ready.code == 0, ready.output
    assert "app1: Ready: observed 72 of 72 h" in ready.output
    assert 'commit "egress_mode: enforce"' in ready.output
    assert enforcing(observed)
    # Committed: nothing is left to be said or done, and observe.yml leaves the host alone.
    write(observed, egress_mode="enforce")
    again = named(observed, ENFORCE)
    assert (again.code, again.changed()) == (0, 0), again.output
    assert "app1: Ready: this host already enforces its policy." in again.output
    assert "Commit" not in again.output
    assert named(observed, OBSERVE).code == 0
    assert enforcing(observed)


def test_a_host_whose_proxy_would_reject_a_name_does_not_enforce_until_it_is_decided(observed: HostProject) -> None:
    """The proxy's log is on another host of the inventory."""
    proxy = {"egress_names": "proxy", "egress_proxies": ["hosts:db1"], "egress_addresses": ["10.10.1.1"]}
    age(observed, 100)
    write(observed, **proxy)
    assert "What its proxies rejected is not known: the log of db1 was not read" in named(observed, OBSERVE).output
    request = {"client": "10.10.1.1", "name": "other.example", "port": "443", "decision": "would_reject", "peer": "x"}
    log = observed.root / "var/log/tidegate-proxy/access.log"
    made = observed.root / "etc/tidegate/proxy/unused.pem"
    for path in (log, made):
        path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"time": time.time() - 60, **request}, separators=(",", ":"))
    log.write_text(f"{line}\n" * 3)
    made.touch()
    os.utime(made, (0, 0))
    early = named(observed, ENFORCE)
    assert "1 unexplained rejection: other.example tcp/443 through the proxy (3 requests)." in early.output
    assert (early.code, enforcing(observed)) != (0, True)
    decided = {"to": ["other.example"], "reason": "an old mirror", "date": "2026-11-30"}
    write(observed, **proxy, egress_suggest_ignored=[decided])
    ready = named(observed, ENFORCE)
    assert ready.code == 0, ready.output
    assert enforcing(observed)


def test_the_fleet_has_one_table(observed: HostProject) -> None:
    shown = named(observed, STATUS, "-e", "egress_status_dir=out")
    # No systemd runs the watcher of this host.
    assert shown.code != 0
    assert re.search(r"^app1 +warning +app +observe +confirmed +0 h +0 +no +0 +0 +no +\d", shown.output, re.MULTILINE)
    assert "1 host needs attention: app1." in shown.output
    (row,) = json.loads(observed.read("out/status.json"))["hosts"]
    assert (row["host"], row["level"], row["table"], row["watcher"]) == ("app1", "warning", "confirmed", False)
    observed.nft("delete", "table", "inet", "tidegate")
    gone = named(observed, STATUS, "-e", "egress_status_fail=false")
    assert gone.code == 0, gone.output
    assert re.search(r"^app1 +critical .* absent ", gone.output, re.MULTILINE), gone.output


def test_the_report_shows_what_the_host_was_refused(observed: HostProject) -> None:
    observed.send(*STRANGER)
    observed.send("10.10.5.1", STRANGER[1])
    written = named(observed, REPORT, "-e", "egress_report_dir=out")
    assert written.code == 0, written.output
    assert "out/report.html: 1 host, 2 flows not allowed." in written.output
    page = observed.read("out/report.html")
    # As a policy calls it.
    assert '<code>10.10.5.1</code> <span class="asked">hosts:db1</span>' in page
    assert all(words in page for words in ("198.51.100.9", "udp/9999", "would be rejected", "do not enforce yet"))
    assert json.loads(observed.read("out/report.json"))["known"] == [
        ["app", "10.10.5.1", "udp/9999"],
        ["app", "198.51.100.9", "udp/9999"],
    ]
    again = named(observed, REPORT, "-e", "egress_report_dir=again", "-e", "egress_report_from=out/hosts")
    assert again.code == 0, again.output
    assert "again/report.html: 1 host, 2 flows not allowed." in again.output


def test_a_refusal_has_to_be_explained_first(observed: HostProject) -> None:
    age(observed, 100)
    observed.send(*STRANGER)
    held = named(observed, ENFORCE)
    assert held.code != 0
    assert "1 unexplained rejection: root to 198.51.100.9 udp/9999" in held.output
    assert "_observed:\n  - name: root-udp-9999\n    to: [198.51.100.9]\n    services: [udp/9999]\n" in held.output
    (record,) = recorded(observed)
    Draft202012Validator(SCHEMA).validate(record)
    shown = {"host": "app1", "user": "root", "destination": "198.51.100.9", "protocol": "udp", "port": 9999}
    assert {**record, **shown, "decision": "would_reject", "entry": None, "source": "ledger"} == record
    assert not enforcing(observed)
    write(observed, egress_deny_quietly=[{"to": ["198.51.100.9"], "services": ["udp/9999"]}])
    explained = named(observed, ENFORCE)
    assert explained.code == 0, explained.output
    assert enforcing(observed)


def test_anyway_is_anyway_and_check_mode_changes_nothing(observed: HostProject) -> None:
    checked = named(observed, ENFORCE, "-e", "egress_enforce_anyway=true", "--check")
    assert checked.code == 0, checked.output
    assert not enforcing(observed)
    run = named(observed, ENFORCE, "-e", "egress_observe_min=soon")
    assert run.code != 0
    assert "write hours or days" in run.output
    anyway = named(observed, ENFORCE, "-e", "egress_enforce_anyway=true")
    assert anyway.code == 0, anyway.output
    assert enforcing(observed)
