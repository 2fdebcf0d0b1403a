# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changes by hand is found and exactly that is put back."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Lab
from .test_declarations import TABLE, send


def _handle(lab: Lab, chain: str, number: int) -> int:
    handle = lab.rules(chain)[number].handle
    assert handle is not None
    return handle


def _rule(chain: str, number: int) -> Any:
    return lambda lab: f"delete rule inet t {chain} handle {_handle(lab, chain, number)}"


def _edit(lab: Lab) -> str:
    return f'replace rule inet t sent handle {_handle(lab, "sent", 7)} tcp dport 2 accept comment "last"'


def _swap(lab: Lab) -> str:
    first = _handle(lab, "sent", 7)
    return f'delete rule inet t sent handle {first}\ninsert rule inet t sent tcp dport 1 accept comment "last"'


# What somebody does -> (nft text, the changes that put it right)
EDITS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "deletes a rule": (_rule("sent", 2), [("add", "rule")]),
    "deletes the last rule": (_rule("sent", 7), [("add", "rule")]),
    "edits a rule": (_edit, [("add", "rule"), ("delete", "rule")]),
    "moves a rule": (_swap, [("move", "rule")]),
    "adds a rule": ("add rule inet t sent accept", [("delete", "rule")]),
    "inserts a rule twice": ("insert rule inet t sent drop\ninsert rule inet t sent drop", [("delete", "rule")] * 2),
    "adds an element": ("add element inet t allowed { 192.0.2.0/24 }", [("delete", "element")]),
    "deletes an element": ("delete element inet t allowed { 10.0.0.0/8 }", [("add", "element")]),
    "empties a set": ("flush set inet t allowed", [("add", "element")]),
    "adds a map element": ("add element inet t ways { 11 : drop }", [("delete", "element")]),
    "changes the policy": ("chain inet t sent { policy drop; }", [("recreate", "chain")]),
    "adds a chain": ("add chain inet t other\nadd rule inet t other jump counted", [("delete", "chain")]),
    "adds a hooked chain": (
        "add chain inet t other { type filter hook input priority 5; policy accept; }",
        [("delete", "chain")],
    ),
    "adds a set and a rule on it": (
        "add set inet t other { type mark; }\nadd rule inet t sent meta mark @other drop",
        [("delete", "rule"), ("delete", "set")],
    ),
    "adds a counter": ("add counter inet t other", [("delete", "counter")]),
    "adds a map to a chain of his": (
        "add chain inet t other\nadd map inet t o { type mark : verdict; elements = { 1 : jump other } }",
        [("delete", "chain"), ("delete", "map")],
    ),
    "makes the table dormant": ('add table inet t { comment "before"; flags dormant; }', [("recreate", "table")]),
    "adds what nobody can declare here": (
        'add ct helper inet t ftp { type "ftp" protocol tcp; }',
        [("delete", "ct helper")],
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_repair(lab: Lab, what: str) -> None:
    script, announced = EDITS[what]
    lab.predicted(TABLE)
    send(3)
    if what != "adds what nobody can declare here" or "ftp" in _helpers(lab):
        lab.load(script(lab) if callable(script) else script)
        before = lab.table()
        result = lab.predicted(TABLE)
        assert sorted((change.action, change.kind) for change in result.changes) == sorted(announced)
        _others_untouched(lab, before)


def _helpers(lab: Lab) -> str:
    """The connection tracking helpers that this kernel has; ftp where it has any."""
    outcome = lab.nft.load('add table inet x\nadd ct helper inet x ftp { type "ftp" protocol tcp; }\n', check=True)
    return "ftp" if outcome.code == 0 else ""


def _others_untouched(lab: Lab, before: Any) -> None:
    """Rules that were right keep handle and count."""
    desired = {rule.canon for chain in lab.table().chains for rule in chain.rules}
    for chain in before.chains:
        after = {rule.canon: rule for rule in chain_rules(lab, chain.name)}
        for rule in chain.rules:
            if rule.canon in desired and rule.canon in after and rule.canon != 'tcp dport 1 accept comment "last"':
                assert (after[rule.canon].handle, after[rule.canon].text) == (rule.handle, rule.text)


def chain_rules(lab: Lab, name: str) -> tuple[Any, ...]:
    live_chain = lab.table().chain(name)
    return live_chain.rules if live_chain else ()


def test_elements_that_traffic_and_others_add_are_left_alone(lab: Lab) -> None:
    lab.predicted(TABLE)
    send(1)
    lab.load("add element inet t fed { 192.0.2.1 }\nadd element inet t seen { 192.0.2.2 }")
    lab.settled(TABLE)
    elements = {element.key for nft_set in lab.table().sets for element in nft_set.elements}
    assert {"192.0.2.1", "192.0.2.2", "127.0.0.1"} <= elements


def test_elements_of_a_timeout_set_go_only_when_told(lab: Lab) -> None:
    named = {"name": "s", "type": "ipv4_addr", "flags": ["timeout"], "elements": ["192.0.2.1"]}
    lab.predicted({"name": "t", "sets": [named]})
    lab.load("add element inet t s { 192.0.2.9 timeout 1h }")
    lab.settled({"name": "t", "sets": [named]})
    assert {element.key for element in lab.table().sets[0].elements} == {"192.0.2.1", "192.0.2.9"}
    lab.predicted({"name": "t", "sets": [{**named, "purge": True}]})
    assert {element.key for element in lab.table().sets[0].elements} == {"192.0.2.1"}


def test_a_chain_without_rules_in_a_whole_table_stays_empty(lab: Lab) -> None:
    chain = {"name": "input", "type": "filter", "hook": "input", "priority": "filter", "policy": "drop"}
    table = {"name": "t", "family": "inet", "chains": [chain]}
    lab.run(table)
    lab.load("add rule inet t input accept\n")
    assert [(change.action, change.kind) for change in lab.run(table).changes] == [("delete", "rule")]
    assert not lab.rules("input")
    lab.settled(table)
