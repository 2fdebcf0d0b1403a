# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of a whole play at once are those that each host gets by itself."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.action import egress_plan
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import fleet, host_policy
from ansible_collections.tidegate.nftables.tests.support.controller import Controller

COMMON = {"egress_internal_networks": ["10.0.0.0/8"], "egress_dns_servers": ["10.0.0.53"], "ntp": "10.0.0.123"}
PAYMENTS = {"name": "payments", "to": ["203.0.113.0/24"], "services": ["https"]}


def group(hosts: dict[str, Any], **variables: Any) -> dict[str, Any]:
    return {"hosts": hosts, "vars": variables}


INVENTORY = {
    "all": {
        "vars": {**COMMON, "egress_ntp_servers": ["{{ ntp }}"]},
        "children": {
            "app": group(
                {
                    "app1": {},
                    "app2": {"egress_addresses": ["10.0.0.2"]},
                    "own": {"egress_allow_own": [PAYMENTS | {"name": "own", "services": ["smtp"]}]},
                    "template": {"ntp": "10.0.0.124"},
                    "through_vars": {"egress_dns_servers": ["{{ vars['ntp'] }}"]},
                    "searching": {"egress_max_removed": "{{ (ansible_search_path | default([])) | length + 20 }}"},
                    "facts_or_not": {"egress_max_removed": "{{(ansible_facts | default({'n': 30})).n | default(31)}}"},
                    "port": {"ansible_port": 2222},
                },
                egress_tier="app",
                egress_allow_app=[PAYMENTS],
            ),
            "broken": group({"b1": {}, "b2": {}}, egress_tier="app", egress_allow_app=[PAYMENTS | {"to": ["nowhere"]}]),
            "undefined": group({"u1": {}}, egress_tier="app", egress_dns_servers="{{ missing }}"),
            "conflict_one": group({"c1": {}}, egress_tier="web"),
            "conflict_two": group({"c1": {}}, egress_tier="app"),
            "facts": group({"f1": {}}, egress_tier="app"),
            "others": group({"unmanaged": {}}),
        },
    }
}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    made = Controller(tmp_path, INVENTORY)
    made.variables.set_host_facts("f1", {"egress_mode": "observe"})
    return made


def together(controller: Controller, folder: Path) -> dict[str, Any]:
    path = folder / "out" / "policies.json"
    assert "msg" not in controller.run("app1", "egress_plan", {"write_policies": str(path)})
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_each_host_has_the_policy_and_the_errors_that_it_has_alone(controller: Controller, tmp_path: Path) -> None:
    data = together(controller, tmp_path)
    for host in controller.inventory.get_hosts("all"):
        alone = json.loads(json.dumps(controller.run(host.name, "egress_policy")))
        if not alone["managed"]:
            assert host.name not in data["hosts"]
            continue
        described = data["hosts"][host.name]
        assert described["errors"] == alone["errors"]
        if described["resolved"] is None:
            assert alone["policy"] is None
            continue
        policy = {**data["policies"][described["resolved"]], "host": host.name, "own": described["own"]}
        assert policy | {"origins": []} == alone["policy"] | {"origins": []}
        own = [origin for origin in alone["policy"]["origins"] if origin not in policy["origins"]]
        assert [name for name, _origin in own] in ([], ["egress_addresses"])


def test_hosts_that_mean_the_same_share_one_build(controller: Controller, tmp_path: Path) -> None:
    data = together(controller, tmp_path)
    numbers = {host: found["resolved"] for host, found in data["hosts"].items()}
    assert numbers["app1"] == numbers["app2"]
    alone = [numbers[host] for host in ("app1", "own", "template", "port")]
    assert len(set(alone)) == len(alone)


def test_a_policy_is_built_once_for_all_who_share_it(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def counting(action: Any, task_vars: Any, tier: Any, preview: Any) -> Any:
        built.append(task_vars["inventory_hostname"])
        return host_policy.build_policy(action, task_vars, tier, preview)

    monkeypatch.setattr(fleet, "build_policy", counting)
    monkeypatch.setattr(egress_plan, "cores", lambda: 1)
    together(controller, tmp_path)
    assert {"app1", "app2"} & set(built) == {"app1"}
    assert {"b1", "b2"} & set(built) == {"b1"}


def test_several_processes_build_what_one_does(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress_plan, "cores", lambda: 1)
    alone = together(controller, tmp_path)
    monkeypatch.setattr(egress_plan, "cores", lambda: 8)
    monkeypatch.setattr(fleet, "build_policy", partial(_in_another_process, os.getpid()))
    assert json.dumps(together(controller, tmp_path)) == json.dumps(alone)


def _in_another_process(process: int, *given: Any) -> host_policy.BuiltPolicy:
    assert os.getpid() != process
    return host_policy.build_policy(*given)
