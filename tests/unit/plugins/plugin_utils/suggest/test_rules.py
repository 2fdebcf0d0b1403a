# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each row of the rules of evidence, with a made ledger on either side of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import rules

from .made import DAY, HOUR, START, evident, record, suggested, to_each

NUMBERED = {name: int(number) for name, (number, _about) in rules.NUMBERS.items() if number >= 1}


def test_two_hosts_on_two_days_are_enough() -> None:
    (draft,) = suggested(evident()).drafts
    assert draft.entry == {
        "name": "payd-8-8-4-4-https-alt",
        "to": ["8.8.4.4"],
        "services": ["https-alt"],
        "users": ["payd"],
        "reason": "",
    }


@pytest.mark.parametrize(
    ("moments", "enough"),
    [
        ((START, START + DAY), True),
        ((START, START + DAY - 1), False),
        ((START, START + 2 * HOUR), False),
        ((START + HOUR, START + HOUR + 1), False),
    ],
)
def test_days(moments: tuple[int, int], enough: bool) -> None:
    suggestions = suggested(evident(first=moments[0], last=moments[1]))
    assert bool(suggestions.drafts) is enough
    assert bool(suggestions.waiting) is not enough


def test_three_separate_hours_of_a_day_are_enough_two_are_not() -> None:
    first, second = (START, START + HOUR), (START + HOUR, START + 2 * HOUR)
    times = [{"first": one, "last": other} for one, other in (first, second)]
    assert suggested([record("app1", **times[0]), record("app2", **times[1])]).drafts
    suggestions = suggested([record("app1", **times[0]), record("app2", **times[0])])
    assert [each.why for each in suggestions.waiting] == [
        "seen on 1 day in 2 hours, 2 days or 3 separate hours are needed"
    ]


@pytest.mark.parametrize(("hosts", "enough"), [(1, True), (2, False), (3, False)])
def test_one_host_is_enough_where_the_tier_has_no_other(hosts: int, enough: bool) -> None:
    suggestions = suggested([record("app1")], hosts=hosts)
    assert bool(suggestions.drafts) is enough
    assert [each.why for each in suggestions.waiting] == (
        [] if enough else [f"seen on 1 host of {hosts}, 2 are needed"]
    )


def test_the_evidence_of_one_user_is_not_that_of_another() -> None:
    suggestions = suggested([*evident(), record("app1", user="mallory", uid=1007)])
    assert [draft.users for draft in suggestions.drafts] == [("payd",)]
    assert [each.seen.user for each in suggestions.waiting] == ["mallory"]


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("metadata", {"destination": "169.254.169.254", "port": 80}),
        ("never", {"cause": "never"}),
        ("tor", {"destination": "193.23.244.244", "port": 443}),
        ("tor", {"port": 9001}),
        ("mining", {"name": "pool.supportxmr.com", "port": 443}),
        ("mining", {"port": 3333}),
        ("port", {"port": 23}),
        ("port", {"port": 445}),
        ("port", {"port": 3389}),
        ("unanswered", {"answered": False}),
        ("one_packet", {"packets": 0}),
        ("no_socket", {"user": None, "uid": None}),
    ],
)
def test_what_is_never_suggested_is_listed_apart(why: str, changes: dict[str, Any]) -> None:
    suggestions = suggested(evident(**changes))
    assert not suggestions.drafts
    assert not suggestions.waiting
    assert {each.why for each in suggestions.look_at} == {why}


def test_every_reason_is_tested() -> None:
    names = {"scan", *(mark[0] for mark in _parameters(test_what_is_never_suggested_is_listed_apart))}
    assert names == set(rules.LOOK_AT)


def _parameters(test: Any) -> list[Any]:
    (mark,) = test.pytestmark
    return list(mark.args[1])


@pytest.mark.parametrize("port", [3333, 23, 445, 3389, 9001])
def test_ports_count_outside_the_own_networks_alone(port: int) -> None:
    assert suggested(evident(destination="10.1.2.3", port=port)).drafts


def test_what_is_rejected_has_no_answer_and_is_suggested_all_the_same() -> None:
    assert suggested(evident(decision="rejected", answered=False)).drafts


@pytest.mark.parametrize(("ports", "is_scan"), [(20, False), (21, True)])
def test_many_ports_of_an_address_are_a_scan(ports: int, is_scan: bool) -> None:
    records = [each for port in range(8000, 8000 + ports) for each in evident(port=port)]
    suggestions = suggested(records)
    assert bool(suggestions.drafts) is not is_scan
    assert {each.why for each in suggestions.look_at} == ({"scan"} if is_scan else set())


@pytest.mark.parametrize(("number", "is_scan"), [(50, False), (51, True)])
def test_many_addresses_on_a_port_are_a_scan(number: int, is_scan: bool) -> None:
    suggestions = suggested(to_each(*(f"9.9.{each}.9" for each in range(number))))
    assert bool(suggestions.drafts) is not is_scan


def test_what_comes_slowly_is_no_scan() -> None:
    slow = [
        each
        for place in range(60)
        for each in evident(destination=f"9.9.{place}.9", first=START + 30 * place, last=START + DAY)
    ]
    assert len(suggested(slow).drafts) == 60


def test_the_numbers_are_those_of_the_published_rules() -> None:
    assert NUMBERED["days"] == 2
    assert NUMBERED["hours"] == 3
    assert NUMBERED["hosts"] == 2
    assert rules.number("share") == 0.5


PROXIED: dict[str, Any] = {
    "source": "squid",
    "user": None,
    "uid": None,
    "destination": "new.example.org",
    "name": "new.example.org",
    "port": 443,
    "decision": "rejected",
    "flows": 4,
    "packets": None,
}


def test_a_name_that_a_proxy_was_asked_for_needs_no_user_and_no_packets() -> None:
    (draft,) = suggested(evident(**PROXIED)).drafts
    assert draft.entry == {
        "name": "new-example-org-https",
        "to": ["new.example.org"],
        "services": ["https"],
        "reason": "",
    }
    assert not suggested(evident(**{**PROXIED, "flows": 0})).drafts
    assert [each.why for each in suggested(evident(**{**PROXIED, "port": 23})).look_at] == ["port"]
