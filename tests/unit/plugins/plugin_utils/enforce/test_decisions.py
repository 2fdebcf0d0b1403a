# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions need a reason and a date, and what they are about is set aside with both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.decisions import DecisionError, ignored
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.suggest.made import evident, suggested

TODAY = dt.date(2026, 11, 30)
ONE: dict[str, Any] = {"to": ["8.8.4.0/24"], "services": ["https-alt"], "reason": "a mistake", "date": "2026-11-01"}


def test_what_people_ignored_is_listed_with_their_reason() -> None:
    decisions = ignored([ONE], TODAY)
    suggestions = suggested([*evident(), *evident(port=25)], ignored=decisions)
    assert [each.why for each in suggestions.ignored] == ["ignored on 2026-11-01: a mistake"]
    assert [draft.services for draft in suggestions.drafts] == [("smtp",)]
    # Without services, all of them.
    every = ignored([{**ONE, "services": None}], TODAY)
    assert suggested([*evident(), *evident(port=25)], ignored=every).drafts == ()


def test_names_that_proxies_are_asked_for_are_ignored_by_name() -> None:
    proxied = {"user": None, "uid": None, "destination": "a.ads.example", "name": "a.ads.example", "flows": 3}
    decisions = ignored([{**ONE, "to": ["*.ads.example", "8.8.4.0/24"]}], TODAY)
    assert len(suggested([*evident(**proxied), *evident()], ignored=decisions).ignored) == 2
    other = evident(**{**proxied, "destination": "ads.example", "name": "ads.example"})
    assert [draft.to for draft in suggested(other, ignored=decisions).drafts] == ["ads.example"]


def test_a_decision_ends() -> None:
    assert ignored([{**ONE, "until": "2026-11-29"}], TODAY) == []
    assert len(ignored([{**ONE, "until": dt.date(2026, 11, 30)}], TODAY)) == 1


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"to": "x"}, "egress_suggest_ignored is not a list"),
        ([7], r"egress_suggest_ignored\[0\] is not a mapping"),
        ([ONE, {**ONE, "reason": ""}], r"egress_suggest_ignored\[1\] has no reason"),
        ([{**ONE, "reason": ["x"]}], "reason is not a text"),
        ([{"to": ["8.8.8.8"], "reason": "x"}], "has no date"),
        ([{**ONE, "date": "tomorrow"}], '"tomorrow" is not a day'),
        ([{**ONE, "because": "x"}], "unknown key because"),
        ([{**ONE, "to": ["10.0.0.300"]}], "10.0.0.300"),
        ([{**ONE, "to": ["*"]}], "is every name"),
        ([{**ONE, "services": ["htps"]}], "htps"),
    ],
)
def test_everything_else_is_an_error(value: Any, complaint: str) -> None:
    with pytest.raises(DecisionError, match=complaint):
        ignored(value, TODAY)
