# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a plan: Markdown, JSON, JUnit, GitLab's code quality report, GitHub's workflow commands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE

from .annotations import Annotation, plan_annotations
from .markdown import markdown
from .model import FAILING, EgressPlan, ReachChange
from .serialise import plain
from .wording import user_text

_LEVELS = {"info": "notice", "minor": "notice", "major": "warning", "blocker": "error"}


def plan_files(plan: EgressPlan) -> dict[str, str]:
    """Return the content of every file by its name."""
    return {
        "plan.md": markdown(plan),
        "plan.json": json.dumps(as_json(plan), indent=2) + "\n",
        "plan-junit.xml": junit(plan),
        "plan-codequality.json": json.dumps(code_quality(plan), indent=2) + "\n",
        "plan-github.txt": github(plan),
    }


def as_json(plan: EgressPlan) -> dict[str, Any]:
    """Return the whole plan, with sets as networks and ranges of ports."""
    data: dict[str, Any] = plain(replace(plan, allowed=(), closed=()))
    data["outcome"] = plan.outcome
    for key, changes in (("allowed", plan.allowed), ("closed", plan.closed)):
        data[key] = [
            {
                "hosts": plain(change.hosts),
                "entries": change.entries,
                "causes": [cause.text for cause in change.causes],
                "packets": change.whose,
                "reach": _reach(change),
            }
            for change in changes
        ]
    return data


def _reach(change: ReachChange) -> list[dict[str, Any]]:
    reach: Reach = change.reach
    return [
        {
            "user": user_text(user),
            **({} if cgroups == (ELSEWHERE,) and not reach.units() else {"units": [str(each) for each in cgroups]}),
            "to": [*addresses.elements(4), *addresses.elements(6)],
            "services": [
                {"protocol": number, "ports": [list(ends) for ends in ports]}
                for number, ports in services.protocols().items()
            ],
        }
        for cgroups, by_user in reach.by_cgroup()
        for user, region in by_user.by_user()
        if ELSEWHERE in cgroups or user is not None
        for addresses, services in region.boxes()
    ]


def junit(plan: EgressPlan) -> str:
    """Return one test case for each test and group of hosts with the same result; errors are test cases too."""
    tests = plan.tests
    failures = [test for test in tests if test.outcome in FAILING]
    errors = [remark for remark in plan.remarks if remark.kind == "error"]
    suite = ET.Element(
        "testsuite",
        name="egress_tests",
        tests=str(len(tests) + len(errors)),
        failures=str(len(failures)),
        errors=str(len(errors)),
    )
    for test in tests:
        case = ET.SubElement(suite, "testcase", classname=test.where, name=f"{test.name}: {test.hosts}")
        _set_origin(case, test.origin)
        if test in failures:
            text = f"{test.origin} {test.where} {test.failure}".strip()
            ET.SubElement(case, "failure", message=test.failure).text = text
    for remark in errors:
        case = ET.SubElement(suite, "testcase", classname="policy", name=f"has no errors: {remark.hosts}")
        _set_origin(case, remark.origin)
        ET.SubElement(case, "error", message=remark.text).text = f"{remark.origin} {remark.text}".strip()
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _set_origin(case: ET.Element, origin: str) -> None:
    file, line = _file_and_line(origin)
    if file:
        case.set("file", file)
        case.set("line", str(line))


def code_quality(plan: EgressPlan) -> list[dict[str, Any]]:
    """Return GitLab's form of the Code Climate report. It needs a file and line: `inventory` where none is known."""
    issues = []
    for annotation in plan_annotations(plan):
        file, line = _file_and_line(annotation.origin)
        key = f"{annotation.check} {file} {annotation.text}"
        issues.append(
            {
                "description": annotation.text,
                "check_name": f"egress-{annotation.check}",
                "fingerprint": hashlib.sha256(key.encode()).hexdigest(),
                "severity": annotation.severity,
                "location": {"path": file or "inventory", "lines": {"begin": line if file else 1}},
            }
        )
    return issues


def github(plan: EgressPlan) -> str:
    """Return workflow commands, one a line. A step that prints them annotates the lines of the pull request."""
    return "".join(f"{_command(annotation)}\n" for annotation in plan_annotations(plan))


def _command(annotation: Annotation) -> str:
    file, line = _file_and_line(annotation.origin)
    place = f" file={_escaped(file, property_=True)},line={line}" if file else ""
    return f"::{_LEVELS[annotation.severity]}{place}::{_escaped(annotation.text)}"


def _escaped(text: str, *, property_: bool = False) -> str:
    """Escape data or a property of a workflow command as GitHub's toolkit does."""
    codes: Mapping[str, str] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
    if property_:
        codes = {**codes, ":": "%3A", ",": "%2C"}
    for character, code in codes.items():
        text = text.replace(character, code)
    return text


def _file_and_line(origin: str) -> tuple[str, int]:
    parts = origin.split(":")
    if not origin or len(parts) < 2 or not parts[1].isdigit():
        return "", 0
    return parts[0], int(parts[1])
