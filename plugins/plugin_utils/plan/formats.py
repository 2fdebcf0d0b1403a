# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for machines: JSON, JUnit, GitLab's code quality report, GitHub's workflow commands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach

from .markdown import markdown
from .model import FAILS, GONE, LOST, Difference, Plan, Remark
from .serialise import plain
from .wording import user_text

_LEVELS = {"info": "notice", "minor": "notice", "major": "warning", "blocker": "error"}


def files(plan: Plan) -> dict[str, str]:
    """File name -> content of every form there is."""
    return {
        "plan.md": markdown(plan),
        "plan.json": json.dumps(as_json(plan), indent=2) + "\n",
        "plan-junit.xml": junit(plan),
        "plan-codequality.json": json.dumps(code_quality(plan), indent=2) + "\n",
        "plan-github.txt": github(plan),
    }


def as_json(plan: Plan) -> dict[str, Any]:
    """All of the plan; what a set holds in full, as networks and lines of services."""
    found: dict[str, Any] = plain(replace(plan, allowed=(), closed=()))
    found["outcome"] = plan.outcome
    for key, differences in (("allowed", plan.allowed), ("closed", plan.closed)):
        found[key] = [
            {"hosts": plain(one.hosts), "by": one.by, "containers": one.containers, "reach": _reach(one)}
            for one in differences
        ]
    return found


def _reach(difference: Difference) -> list[dict[str, Any]]:
    reach: Reach = difference.reach
    return [
        {
            "user": user_text(user),
            "to": [*addresses.elements(4), *addresses.elements(6)],
            "services": [
                {"protocol": number, "ports": [list(ends) for ends in ports]}
                for number, ports in spoken.protocols().items()
            ],
        }
        for user, region in reach.parts()
        for addresses, spoken in region.boxes()
    ]


def junit(plan: Plan) -> str:
    """One test case for each test and group of hosts that it is the same on."""
    tests = [one for one in plan.tests if one.what != GONE]
    failures = [one for one in tests if one.what in (LOST, FAILS)]
    errors = [one for one in plan.remarks if one.kind == "error"]
    suite = ET.Element(
        "testsuite",
        name="egress_tests",
        tests=str(len(tests) + len(errors)),
        failures=str(len(failures)),
        errors=str(len(errors)),
    )
    for one in tests:
        case = ET.SubElement(suite, "testcase", classname=one.where, name=f"{one.name}: {one.hosts}")
        _placed(case, one.origin)
        if one in failures:
            ET.SubElement(case, "failure", message=one.said).text = f"{one.origin} {one.where} {one.said}".strip()
    for remark in errors:
        case = ET.SubElement(suite, "testcase", classname="policy", name=f"can be read: {remark.hosts}")
        _placed(case, remark.origin)
        ET.SubElement(case, "error", message=remark.text).text = f"{remark.origin} {remark.text}".strip()
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _placed(case: ET.Element, origin: str) -> None:
    file, line = _file_and_line(origin)
    if file:
        case.set("file", file)
        case.set("line", str(line))


def code_quality(plan: Plan) -> list[dict[str, Any]]:
    """GitLab's form of the Code Climate report; it needs a file and line, so what has none is left out."""
    found = []
    for remark in _remarks(plan):
        file, line = _file_and_line(remark.origin)
        if file:
            text = f"{remark.text}: {remark.hosts}"
            print_of = hashlib.sha256(f"{remark.kind} {file} {text}".encode()).hexdigest()
            found.append(
                {
                    "description": text,
                    "check_name": f"egress-{remark.kind}",
                    "fingerprint": print_of,
                    "severity": remark.severity,
                    "location": {"path": file, "lines": {"begin": line}},
                }
            )
    return found


def github(plan: Plan) -> str:
    """Workflow commands, one a line; print them in a step and they stand beside the lines of the merge request."""
    return "".join(f"{_command(remark)}\n" for remark in _remarks(plan))


def _command(remark: Remark) -> str:
    file, line = _file_and_line(remark.origin)
    at = f" file={_escaped(file, property_=True)},line={line}" if file else ""
    return f"::{_LEVELS[remark.severity]}{at}::{_escaped(f'{remark.text}: {remark.hosts}')}"


def _escaped(text: str, *, property_: bool = False) -> str:
    """As GitHub's own toolkit escapes data and properties of workflow commands."""
    codes: Mapping[str, str] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
    if property_:
        codes = {**codes, ":": "%3A", ",": "%2C"}
    for character, code in codes.items():
        text = text.replace(character, code)
    return text


def _remarks(plan: Plan) -> Iterator[Remark]:
    """The plan's own, its untrue tests, and a line for each entry that opens something."""
    yield from plan.remarks
    for test in plan.tests:
        if test.what in (LOST, FAILS):
            yield Remark("test", "blocker", test.origin, f"{test.where} {test.said}", test.hosts)
    for entry in plan.entries:
        if entry.what != GONE:
            about = f"{', '.join(entry.to)} with {', '.join(entry.services)}"
            yield Remark("entry", "info", entry.origin, f"entry {entry.name} {entry.what}: {about}", entry.hosts)


def _file_and_line(origin: str) -> tuple[str, int]:
    parts = origin.split(":")
    if not origin or len(parts) < 2 or not parts[1].isdigit():
        return "", 0
    return parts[0], int(parts[1])
