# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a plan: for code reviews, test reports and machines."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.formats import plan_files
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import (
    EgressPlan,
    HostGroup,
    Remark,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import entry

from .fleets import PAY, TEST, planned, policy


def test_every_form_names_file_and_line() -> None:
    opened = {"egress_allow_app": [entry(name="o", to=["198.51.100.7"])], "egress_tests_app": [TEST]}
    plan = planned({"egress_tests_app": [TEST]}, opened)
    written = plan_files(plan)
    suite = ET.fromstring(written["plan-junit.xml"])
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    (case,) = suite
    assert (case.get("file"), case.get("line")) == ("group_vars/egress_tests_app.yml", "0")
    (failure,) = case
    assert "198.51.100.7 with tcp/443" in str(failure.get("message"))
    quality = {issue["check_name"]: issue for issue in json.loads(written["plan-codequality.json"])}
    assert quality["egress-test"]["severity"] == "blocker"
    assert quality["egress-entry"]["location"] == {"path": "group_vars/egress_allow_app.yml", "lines": {"begin": 0}}
    assert quality["egress-opens"]["description"] == (
        "newly allowed, by o: everybody to 198.51.100.7 with tcp/443: app1 (tier app)"
    )
    assert len({issue["fingerprint"] for issue in quality.values()}) == 3
    assert (
        "::error file=group_vars/egress_tests_app.yml,line=0::egress_tests_app[t] fails" in written["plan-github.txt"]
    )
    content = json.loads(written["plan.json"])
    assert content["outcome"] == "tests"
    assert content["allowed"][0]["reach"][0] == {
        "user": "everybody",
        "to": ["198.51.100.7"],
        "services": [{"protocol": 6, "ports": [[443, 443]]}],
    }


def test_workflow_commands_are_escaped_and_need_no_line() -> None:
    hosts = HostGroup(("app1",), ("app",))
    remarks = (
        Remark(kind="error", severity="blocker", origin="a,b:c.yml:x", text="50% of\nit", hosts=hosts),
        Remark(kind="shared", severity="major", origin="a,b.yml:3:5", text="shared", hosts=hosts),
    )
    lines = plan_files(EgressPlan(base="main", hosts=1, unmanaged=0, remarks=remarks))["plan-github.txt"].splitlines()
    assert lines == [
        "::error::50%25 of%0Ait: app1 (tier app)",
        "::warning file=a%2Cb.yml,line=3::shared: app1 (tier app)",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"egress_allow_app": [PAY]}, {}),
        ({}, {"egress_allow_app": [PAY]}),
        ({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "name": "b"}]}),
        ({}, {"egress_mode": "observe"}),
        ({"egress_tests_app": [TEST]}, {}),
        ({}, {"egress_max_removed": 100}),
        ({"egress_never": [{"to": "192.0.2.1"}]}, {}),
    ],
)
def test_annotations_carry_each_change_at_a_line(before: dict[str, Any], after: dict[str, Any]) -> None:
    written = plan_files(planned(before, after))
    changed = {*before, *after}
    issues = json.loads(written["plan-codequality.json"])
    assert issues
    assert {issue["location"]["path"] for issue in issues} <= {f"group_vars/{name}.yml" for name in changed}
    assert len(written["plan-github.txt"].splitlines()) == len(issues)
    assert all(" file=group_vars/" in line for line in written["plan-github.txt"].splitlines())


def test_hosts_that_come_and_go_are_annotated_although_no_line_is_known() -> None:
    for plan in (
        compare({}, {"app1": policy()}, name="main"),
        compare({"app1": policy()}, {}, name="main"),
    ):
        (issue,) = json.loads(plan_files(plan)["plan-codequality.json"])
        assert issue["location"] == {"path": "inventory", "lines": {"begin": 1}}
        assert issue["description"].endswith(": app1")
