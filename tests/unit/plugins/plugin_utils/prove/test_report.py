# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads: a table in which a difference cannot be overlooked, and a sentence."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.report import report

VARIANTS = [["v4", "root"], ["v4", "payd"], ["v6", "root"], ["v6", "payd"]]


def cell(destination: str, service: str, expected: str, measured: str | None = None) -> dict[str, Any]:
    return {
        "destination": destination,
        "service": service,
        "variants": VARIANTS,
        "expected": expected,
        "measured": measured or expected,
    }


def proof(*cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    marks = [(one["expected"], one["measured"]) for one in cells]
    flows = sum(len(expected) for expected, _measured in marks)
    return {
        "mode": "enforce",
        "tier": "app",
        "flows": flows,
        "allowed": sum(expected.count("+") for expected, _measured in marks),
        "answered": sum(measured.count("+") for _expected, measured in marks),
        "refused": sum(measured.count("-") for _expected, measured in marks),
        "would_be_refused": 0,
        "differences": [],
        "tests": 0,
        "complaints": [],
        "cells": list(cells),
        **more,
    }


def test_agreement() -> None:
    printed = report(
        {
            "app1": proof(
                cell("dns1", "udp/53", "++++"),
                cell("pay1", "udp/53", "----"),
                cell("dns1", "tcp/443", "----"),
                cell("pay1", "tcp/443", "-+-+"),
                cell("dns1", "tcp/22", "----"),
                cell("pay1", "tcp/22", "----"),
                cell("dns1", "udp/22", "----"),
                cell("pay1", "udp/22", "----"),
                tests=3,
            )
        }
    )
    assert printed.complaint is None
    assert printed.lines[1:6] == [
        "            dns1  pay1",
        "app1 (app)",
        "  udp/53    yes   .",
        "  tcp/443   .     payd",
        "  2 others  .     .",
    ]
    assert "  expected by the policy: 6 answered, 26 refused" in printed.lines
    assert "  measured:               6 answered, 26 refused, 0 neither" in printed.lines
    assert "  different: 0" in printed.lines
    assert "  policy tests (egress_tests_*): 3, of which 0 failed" in printed.lines


def test_a_difference_is_marked_and_has_the_expectation_below_it() -> None:
    printed = report(
        {
            "app1": proof(
                cell("dns1", "tcp/443", "----"),
                cell("pay1", "tcp/443", "----", "--++"),
                differences=["root to pay1 …", "payd to pay1 …"],
            ),
            "web1": proof(cell("dns1", "tcp/443", "++++", "????"), cell("app1", "tcp/443", "++++"), differences=["w"]),
        }
    )
    assert printed.lines[1:8] == [
        "              dns1  pay1  app1",
        "app1 (app)",
        "> tcp/443     .     v6",
        "    expected        .",
        "web1 (app)",
        "> tcp/443     ????        yes",
        "    expected  yes",
    ]
    assert printed.complaint == "3 of 16 flows differ from the policy, the first: app1: root to pay1 …."


def test_a_test_that_does_not_hold_is_a_complaint_of_its_own() -> None:
    printed = report({"app1": proof(cell("dns1", "tcp/443", "----"), tests=1, complaints=["egress_tests_app[x] …"])})
    assert printed.complaint == "1 policy test failed, the first: app1: egress_tests_app[x] …."
    assert "  app1: egress_tests_app[x] …" in printed.lines


def test_where_everything_is_the_same_one_row_says_so() -> None:
    printed = report({"app1": proof(cell("dns1", "tcp/443", "++++"), cell("dns1", "udp/443", "++++"), mode="observe")})
    assert printed.lines[1:4] == ["         dns1", "app1 (app)", "  all 2  yes"]


def test_the_same_everywhere_is_no_agreement_when_the_policy_says_otherwise() -> None:
    printed = report({"app1": proof(cell("dns1", "tcp/443", "----", "++++"), cell("pay1", "tcp/443", "----", "++++"))})
    assert printed.lines[2:5] == ["app1 (app)", "> tcp/443     yes   yes", "    expected  .     ."]


def test_nothing_tried_is_nothing_proven() -> None:
    assert report({"app1": proof()}).complaint == "No packet was sent, so nothing is proven."


def test_many_differences_are_counted_not_listed() -> None:
    texts = [f"difference {number}" for number in range(25)]
    printed = report({"app1": proof(cell("dns1", "tcp/443", "----", "++++"), differences=texts)})
    assert sum("difference" in line for line in printed.lines) == 10
    assert "  and 15 more" in printed.lines
