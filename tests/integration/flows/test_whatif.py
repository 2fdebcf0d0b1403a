# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/whatif.yml on the lab's inventory: what a reader of its report sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import LAB
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run

APP1 = "10.10.2.10"


def whatif(folder: Path, **variables: object) -> Run:
    """Run the playbook by its name in a folder of its own."""
    return Project(folder, inventory=str(LAB / "inventory.yml")).play(playbook="tidegate.nftables.whatif", **variables)


def record(destination: str, port: int, action: str = "ACCEPT", source: str = APP1) -> str:
    return f"2 1 eni-1 {source} {destination} 40000 {port} 6 10 1000 1795185880 1795185890 {action} OK\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, object]]:
    directory = tmp_path_factory.mktemp("whatif")
    (directory / "flow.log").write_text(
        record("203.0.113.10", 443)  # payments, which only www-data may reach
        + record("198.51.100.66", 4444) * 3
        + record("10.10.3.10", 5432)  # the database
        + record("198.51.100.67", 22, "REJECT")
        + record("198.51.100.68", 22, source="192.0.2.9")
        + "2 1 eni-1 - - - - - - - 1 2 - SKIPDATA\n"
    )
    whatif(directory, egress_flows=[{"vpc": "flow.log"}], egress_whatif_dir="out").ok()
    return (directory / "out" / "whatif.md").read_text(), json.loads((directory / "out" / "whatif.json").read_text())


def test_the_report_has_what_would_be_rejected_and_what_depends_on_the_user(report: tuple[str, object]) -> None:
    text, _content = report
    rejected, _heading, rest = text.partition("## Would be rejected for some users")
    assert "| 198.51.100.66 | tcp/4444 | app1 | 3 | 3.0 kB | 2026-11-20 14:44 |" in rejected
    assert "203.0.113.10" not in rejected
    assert "| 203.0.113.10 | tcp/443 | app1 | 1 | 1.0 kB | 2026-11-20 14:44 | allowed to www-data |" in rest
    assert "10.10.3.10" not in text, "what passes is no line of its own"


def test_the_report_names_what_nothing_used_and_what_was_not_judged(report: tuple[str, object]) -> None:
    text, _content = report
    assert "- package-mirror (egress_allow_base[package-mirror])" in text
    assert "- database (" not in text
    assert "- 1 record: intervals that AWS could not record (SKIPDATA): flows are missing" in text
    assert "- 1 flow: logged as already rejected" in text
    assert "- 1 flow: from 1 address of none of these hosts, 192.0.2.9 (1)" in text


def test_the_json_has_every_host(report: tuple[str, dict[str, object]]) -> None:
    hosts = report[1]["hosts"]
    assert isinstance(hosts, list)
    assert {host["host"]: host["rejected_total"]["flows"] for host in hosts}["app1"] == 3
    assert len(hosts) == 5


def test_it_can_fail_a_pipeline(tmp_path: Path) -> None:
    (tmp_path / "flow.log").write_text(record("198.51.100.66", 4444))
    logs = [{"vpc": "flow.log"}]
    assert whatif(tmp_path, egress_flows=logs, egress_whatif_fail=True).code == 2
    (tmp_path / "flow.log").write_text(record("10.10.3.10", 5432))
    assert whatif(tmp_path, egress_flows=logs, egress_whatif_fail=True).code == 0


def test_queries_are_written_for_each_tier(tmp_path: Path) -> None:
    whatif(tmp_path, egress_whatif_dir="queries", egress_whatif_table="logs.flows").ok()
    names = {path.name for path in (tmp_path / "queries").iterdir()}
    assert {"app.athena.sql", "app.insights", "build.athena.sql", "top-external.athena.sql"} <= names
    assert "FROM logs.flows" in (tmp_path / "queries" / "app.athena.sql").read_text()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "Fix: name the logs to read"),
        ({"egress_flows": [{"vpc": "nowhere"}]}, "no such file"),
        ({"egress_flows": [{"pcap": "x"}]}, "egress_flows[0].pcap: unknown"),
    ],
)
def test_mistakes_are_named(variables: dict[str, object], message: str, tmp_path: Path) -> None:
    run = whatif(tmp_path, **variables)
    assert run.code != 0
    assert message in run.output
    assert "Traceback" not in run.output
