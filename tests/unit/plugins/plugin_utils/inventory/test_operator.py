# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy has the operator's variables alone: what a host says about itself (facts) changes nobody's policy."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.controller import Controller

EVIL = "8.8.8.8"
POLICY_ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "egress_adopt": {"dest": "drafts"},
    "egress_allow_once": {"to": ["10.0.0.9"], "services": ["https"], "hours": 1, "reason": "a test"},
    "egress_apply": {},
    "egress_evidence": {},
    "egress_flows_info": {},
    "egress_explain": {"to": "hosts:database"},
    "egress_policy": {},
    "egress_preflight": {},
    "egress_prove": {},
    "egress_proxy": {},
    "egress_render": {"target": "squid"},
    "egress_report": {},
    "egress_review": {},
    "egress_status": {},
    "egress_suggest": {},
    "egress_verify": {},
    "egress_whatif": {"phase": "allowed"},
}
"""Every action that builds a policy, renders, plans, proves or judges flows, with its arguments."""
REPORTS = {"egress_adopt", "egress_preflight"}
"""Those that report also about a host whose policy has errors."""


def inventory() -> dict[str, Any]:
    entry = {"name": "db", "to": ["hosts:database"], "services": ["https"], "reason": "data", "owner": "dba"}
    common = {"egress_mode": "observe", "egress_internal_networks": ["10.0.0.0/8"], "vip": "10.0.0.3"}
    return {
        "all": {
            "vars": common,
            "children": {
                "app": {
                    "hosts": {"app1": {"ansible_host": "10.0.0.1"}},
                    "vars": {"egress_tier": "app", "egress_allow_app": [entry]},
                },
                "database": {
                    "hosts": {
                        "db1": {"ansible_host": "10.0.0.2"},
                        "db2": {"egress_addresses": ["{{ vip }}"]},
                    },
                    "vars": {"egress_tier": "database"},
                },
            },
        }
    }


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    monkeypatch.chdir(tmp_path)
    return Controller(tmp_path, inventory())


def answered(module: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer as a host that has nothing: enough for egress_adopt to draft."""
    rules = {"live": [], "stored": [], "unread": [], "own": False}
    return {"rules": rules} if module == "egress_preflight" else {"failed": True}


def errors(result: Mapping[str, Any]) -> str:
    return json.dumps(result.get("errors") or result.get("msg") or "", default=str)


def reaches(result: Mapping[str, Any], address: str) -> bool:
    return str(int(ipaddress.ip_address(address))) in json.dumps(result["policy"])


@pytest.mark.parametrize(
    "action", [name for name in POLICY_ACTIONS if name not in ("egress_adopt", "egress_preflight")]
)
@pytest.mark.parametrize("name", ["egress_tier", "egress_allow_more", "egress_addresses", "egress_suggest_ignored"])
def test_a_policy_variable_from_facts_is_an_error_in_every_action(
    controller: Controller, action: str, name: str
) -> None:
    controller.variables.set_host_facts("app1", {name: EVIL})
    result = controller.run("app1", action, POLICY_ACTIONS[action], answered)
    assert name in errors(result)
    assert "app1" in errors(result)
    assert "facts" in errors(result)


@pytest.mark.parametrize("action", sorted(REPORTS))
def test_reports_that_need_no_policy_do_not_read_facts(controller: Controller, action: str) -> None:
    controller.variables.set_host_facts("app1", {"egress_allow_more": [EVIL], "egress_tier": EVIL})
    assert EVIL not in json.dumps(controller.run("app1", action, POLICY_ACTIONS[action], answered), default=str)


@pytest.mark.parametrize("name", ["egress_addresses", "ansible_host"])
def test_an_address_that_another_host_says_is_an_error_that_names_both(controller: Controller, name: str) -> None:
    controller.variables.set_host_facts("db1", {name: EVIL})
    result = errors(controller.run("app1", "egress_policy"))
    assert name in result
    assert "db1" in result
    assert "facts" in result


def test_a_fact_does_not_replace_a_variable_that_a_policy_uses(controller: Controller) -> None:
    before = controller.run("app1", "egress_policy")
    controller.variables.set_host_facts("db2", {"vip": EVIL})
    assert controller.run("app1", "egress_policy") == before
    assert reaches(before, "10.0.0.3")
    assert before["errors"] == []


def test_a_template_that_reads_facts_is_an_error(tmp_path: Path) -> None:
    changed = inventory()
    changed["all"]["children"]["database"]["hosts"]["db2"]["egress_addresses"] = "{{ ansible_facts.own }}"
    controller = Controller(tmp_path, changed)
    controller.variables.set_host_facts("db2", {"own": [EVIL]})
    assert "egress_addresses of the host db2" in errors(controller.run("app1", "egress_policy"))


def test_a_tier_from_facts_joins_no_tier(controller: Controller) -> None:
    controller.variables.set_host_facts("app1", {"egress_tier": "database"})
    result = errors(controller.run("db2", "egress_explain", {"to": "tier:database"}))
    assert "egress_tier" in result
    assert "app1" in result


def test_a_fact_cannot_hide_the_facts(controller: Controller) -> None:
    controller.variables.set_host_facts("db1", {"egress_addresses": EVIL, "ansible_facts": {}, "hostvars": {}})
    assert "facts" in errors(controller.run("app1", "egress_policy"))


def test_set_fact_in_a_play_is_the_word_of_the_operator(controller: Controller) -> None:
    controller.variables.set_nonpersistent_facts("db1", {"egress_addresses": ["10.0.0.77"]})
    result = controller.run("app1", "egress_policy")
    assert result["errors"] == []
    assert reaches(result, "10.0.0.77")


def test_what_gathering_reports_disturbs_nobody(controller: Controller) -> None:
    before = controller.run("app1", "egress_policy")
    gathered = {"ansible_distribution": "Debian", "ansible_default_ipv4": {"address": EVIL}}
    for host in ("app1", "db1", "db2"):
        controller.variables.set_host_facts(host, gathered)
    assert controller.run("app1", "egress_policy") == before
