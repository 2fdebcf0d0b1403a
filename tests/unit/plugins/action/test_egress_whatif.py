# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's flows are judged over the cores: one answer whatever their number, and an error of a host is its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.action import egress_whatif
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import fleet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.parallel import WORTH
from ansible_collections.tidegate.nftables.tests.support.controller import Controller

HOSTS = WORTH + 2
COMMON = {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"], "egress_dns_servers": ["10.0.0.53"]}


def host(number: int, **variables: Any) -> dict[str, Any]:
    """Return the variables of a host whose policy is no other's."""
    own = {"name": "own", "to": [f"203.0.113.{number}"], "services": ["https"]}
    return {**COMMON, "egress_addresses": [f"10.0.1.{number}"], "egress_allow_own": [own], **variables}


def record(number: int, destination: str) -> str:
    return f"2 1 eni-1 10.0.1.{number} {destination} 40000 443 6 10 1000 1795185880 1795185890 ACCEPT OK\n"


def judged(folder: Path, hosts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Return the result of the report, its JSON, and what was printed."""
    log = folder / "flow.log"
    log.write_text("".join(record(n, f"203.0.113.{n}") + record(n, "198.51.100.7") for n in range(HOSTS)))
    controller = Controller(folder, {"all": {"hosts": hosts}})
    read = controller.run("h0", "egress_whatif", {"phase": "read", "flows": [{"vpc": str(log)}]})
    result = controller.run(
        "h0", "egress_whatif", {"phase": "report", "logs": read["logs"], "directory": str(folder / "out")}
    )
    return result, json.loads((folder / "out" / "whatif.json").read_text()), controller.printed


@pytest.fixture
def hosts() -> dict[str, Any]:
    return {f"h{number}": host(number) for number in range(HOSTS)}


def test_several_cores_answer_what_one_does(
    tmp_path: Path, hosts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = []
    for cores in (1, 3):
        monkeypatch.setattr(egress_whatif, "cores", lambda cores=cores: cores)
        monkeypatch.setattr(fleet, "cores", lambda cores=cores: cores)
        result, content, printed = judged(tmp_path, hosts)
        assert result["rejected"] == HOSTS
        assert printed[-1].startswith(f"{HOSTS} hosts, {HOSTS} different policies: judged in ")
        reports.append((content, [text for text in printed if text.startswith("#")]))
    assert reports[0] == reports[1]
    assert [each["host"] for each in reports[0][0]["hosts"]] == list(hosts)


def test_hosts_with_errors_fail_the_task_and_leave_the_others_their_report(
    tmp_path: Path, hosts: dict[str, Any]
) -> None:
    broken = {"egress_dns_servers": ["10.0.0.300"]}
    hosts |= {"h1": host(1, **broken), "h2": host(2, **broken), "none": {"egress_addresses": ["10.0.1.99"]}}
    result, content, _printed = judged(tmp_path, hosts)
    assert result["failed"]
    assert result["reason"] == "bad_policy"
    assert result["msg"].startswith("h1, h2: ")
    assert "egress_dns_servers" in result["msg"]
    assert result["rejected"] == HOSTS - 2
    assert {"h1", "h2", "none"}.isdisjoint(each["host"] for each in content["hosts"])
    assert {address for address, _flows in content["strangers"]} == {"10.0.1.1", "10.0.1.2"}
