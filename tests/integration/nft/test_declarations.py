# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every change of a declaration: check mode predicts it, nothing that need not be lost is lost."""

from __future__ import annotations

import copy
import re
import socket
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab

TABLE: dict[str, Any] = {
    "name": "t",
    "comment": "before",
    "counters": [{"name": "hits"}],
    "quotas": [{"name": "daily", "quota": "over 10 mbytes"}],
    "limits": [{"name": "calm", "limit": "rate 100/second"}],
    "sets": [
        {"name": "allowed", "type": "ipv4_addr", "flags": ["interval"], "elements": ["127.0.0.0/8", "10.0.0.0/8"]},
        {
            "name": "seen",
            "typeof": "ip daddr",
            "flags": ["dynamic", "timeout"],
            "timeout": "1d",
            "size": 1000,
            "counter": True,
        },
        {"name": "fed", "type": "ipv4_addr", "flags": ["timeout"]},
    ],
    "maps": [{"name": "ways", "type": "inet_service : verdict", "elements": ["9 : jump counted", "10 : accept"]}],
    "chains": [
        {"name": "counted", "rules": ["counter accept"]},
        {
            "name": "sent",
            "type": "filter",
            "hook": "output",
            "priority": "filter",
            "policy": "accept",
            "rules": [
                "counter",
                "update @seen { ip daddr }",
                'ip daddr @allowed counter comment "allowed"',
                "counter name hits",
                "quota name daily drop",
                "limit name calm counter",
                "udp dport vmap @ways",
                'tcp dport 1 accept comment "last"',
            ],
        },
    ],
}


def send(packets: int = 3) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _packet in range(packets):
            # ICMP's "port unreachable" comes back as an error of the next send.
            try:
                sender.sendto(b"x" * 100, ("127.0.0.1", 9))
            except ConnectionRefusedError:
                continue


def counted(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"counter packets (\d+)", text)]


def changed(**paths: Any) -> dict[str, Any]:
    """TABLE with changes: keys like sets__0__size; a value of None removes the key."""
    table = copy.deepcopy(TABLE)
    for path, value in paths.items():
        *way, last = [int(part) if part.isdigit() else part for part in path.split("__")]
        place: Any = table
        for part in way:
            place = place[part]
        if value is None:
            del place[last]
        elif isinstance(last, int) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return table


# What changes -> (the new table, kinds of change that are announced)
CHANGES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "priority": (changed(chains__1__priority="filter - 5"), {("recreate", "chain")}),
    "hook": (changed(chains__1__hook="postrouting"), {("recreate", "chain")}),
    "type": (changed(chains__1__type="route"), {("recreate", "chain")}),
    "policy": (
        changed(chains__1__policy="drop", chains__1__rules__8="accept"),
        {("recreate", "chain"), ("add", "rule")},
    ),
    "chain comment": (changed(chains__1__comment="new"), {("recreate", "chain")}),
    "comment of a chain that is jumped to": (
        changed(chains__0__comment="new"),
        {("recreate", "chain"), ("recreate", "element")},
    ),
    "regular chain": (
        changed(chains__1={"name": "sent", "rules": TABLE["chains"][1]["rules"]}),
        {("recreate", "chain")},
    ),
    "table comment": (
        changed(comment="after"),
        {("recreate", kind) for kind in ("table", "counter", "quota", "limit", "set", "map", "chain")},
    ),
    "no table comment": (
        changed(comment=None),
        {("recreate", kind) for kind in ("table", "counter", "quota", "limit", "set", "map", "chain")},
    ),
    "set size": (changed(sets__1__size=2000), {("recreate", "set"), ("recreate", "rule")}),
    "set timeout": (changed(sets__1__timeout="2d"), {("recreate", "set"), ("recreate", "rule")}),
    "set comment": (changed(sets__0__comment="new"), {("recreate", "set"), ("recreate", "rule")}),
    "set flags": (
        changed(sets__0__flags=["interval", "timeout"], sets__0__purge=True),
        {("recreate", "set"), ("recreate", "rule")},
    ),
    "set auto-merge": (changed(sets__0__auto_merge=True), {("recreate", "set"), ("recreate", "rule")}),
    "set type to typeof": (
        changed(sets__0={"name": "allowed", "typeof": "ip daddr", "flags": ["interval"]}),
        {("recreate", "set"), ("recreate", "rule")},
    ),
    "set gc": (changed(sets__2__gc_interval="1h"), {("recreate", "set")}),
    "limit rate": (changed(limits__0__limit="rate 200/second"), {("recreate", "limit"), ("recreate", "rule")}),
    "quota": (changed(quotas__0__quota="over 20 mbytes"), {("recreate", "quota"), ("recreate", "rule")}),
    "counter comment": (changed(counters__0__comment="new"), {("recreate", "counter"), ("recreate", "rule")}),
    "map data": (
        changed(maps__0__elements=["9 : jump counted", "10 : drop"]),
        {("add", "element"), ("delete", "element")},
    ),
    "map comment": (changed(maps__0__comment="new"), {("recreate", "map"), ("recreate", "rule")}),
    "element comment": (
        changed(sets__0__elements=["127.0.0.0/8", {"value": "10.0.0.0/8", "comment": "new"}]),
        {("add", "element"), ("delete", "element")},
    ),
    "elements": (changed(sets__0__elements=["127.0.0.0/8", "11.0.0.0/8"]), {("add", "element"), ("delete", "element")}),
    "order": (
        changed(chains__1__rules=[*TABLE["chains"][1]["rules"][1:], TABLE["chains"][1]["rules"][0]]),
        {("move", "rule")},
    ),
    "edited rule": (changed(chains__1__rules__7="tcp dport 2 accept"), {("add", "rule"), ("delete", "rule")}),
    "new rule first": (changed(chains__1__rules=["udp dport 1 drop", *TABLE["chains"][1]["rules"]]), {("add", "rule")}),
    "new chain": (
        changed(chains__2={"name": "more", "rules": ["accept"]}),
        {("add", "chain"), ("add", "rule")},
    ),
    "new objects": (
        changed(
            counters__1={"name": "k"},
            quotas__1={"name": "k", "quota": "1 mbytes"},
            sets__3={"name": "k", "type": "mark"},
        ),
        {("add", "counter"), ("add", "quota"), ("add", "set")},
    ),
    "fewer objects": (
        changed(limits=[], sets__2={"name": "fed2", "type": "mark"}, chains__1__rules__5="counter"),
        {("delete", "limit"), ("delete", "set"), ("add", "set"), ("add", "rule"), ("delete", "rule")},
    ),
    "another kind of set": (
        changed(sets__2={"name": "fed", "type": "ipv6_addr", "flags": ["timeout"]}),
        {("recreate", "set"), ("delete", "element")},
    ),
    "set becomes map": (
        changed(sets__2={"name": "fed2", "type": "mark"}, maps__1={"name": "fed", "type": "mark : verdict"}),
        {("recreate", "map"), ("delete", "element"), ("add", "set")},
    ),
    "gone": ({"name": "t", "state": "absent"}, {("delete", "table")}),
}

KEEPS_NOTHING = {"gone"}
RULES_COME_ANEW = {"table comment", "no table comment"}


@pytest.mark.parametrize("what", CHANGES)
def test_change_of_declaration(lab: Lab, what: str) -> None:
    desired, announced = CHANGES[what]
    lab.predicted(TABLE)
    lab.load("add element inet t fed { 192.0.2.1 timeout 1h }")
    send(3)
    before = lab.listing("table", "inet", "t")
    hits = re.search(r"counter hits \{\s+packets (\d+)", before)
    assert hits is not None
    assert int(hits[1]) >= 3
    assert min(counted(before)) >= 3, before

    result = lab.predicted(desired)

    assert {(change.action, change.kind) for change in result.changes} == announced
    if what not in KEEPS_NOTHING:
        _nothing_lost(lab, before, what)


def _nothing_lost(lab: Lab, before: str, what: str) -> None:
    after = lab.listing("table", "inet", "t")
    hits = re.search(r"counter hits \{(?:\s+comment \"new\")?\s+packets (\d+)", after)
    assert hits is not None, after
    assert int(hits[1]) >= 3
    rules = [line for line in after.splitlines() if "counter packets" in line and "elements" not in line]
    kept = [line for line in rules if not (what == "fewer objects" and "packets 0 " in line)]
    assert len(kept) >= (3 if what == "fewer objects" else 4)
    assert all("packets 0 " not in line for line in kept), after
    assert re.search(r"127\.0\.0\.1 counter packets [1-9]", after), after
    used = re.search(r"used (\d+) bytes", after)
    assert used is not None
    assert int(used[1]) >= 300
    if what not in {"another kind of set", "set becomes map", "fewer objects"}:
        assert re.search(r"192\.0\.2\.1 timeout 1h expires (59m|1h)", after), after


def test_kept_rules_keep_their_handles(lab: Lab) -> None:
    lab.run(TABLE)
    before = {rule.canon: rule.handle for rule in lab.rules("sent")}
    rules = TABLE["chains"][1]["rules"]
    lab.predicted(changed(chains__1__rules=["udp dport 7 drop", *rules[:2], "tcp dport 9 drop", *rules[3:], "drop"]))
    after = {rule.canon: rule.handle for rule in lab.rules("sent")}
    kept = set(before) & set(after)
    assert len(kept) == len(rules) - 1
    assert all(before[canon] == after[canon] for canon in kept)


def test_a_move_moves_as_little_as_possible(lab: Lab) -> None:
    rules = [f"tcp dport {port} counter accept" for port in range(1, 9)]
    chain = {"name": "c", "rules": rules}
    lab.run({"name": "t", "chains": [chain]})
    before = {rule.canon: rule.handle for rule in lab.rules("c")}
    moved = [rules[5], *rules[:5], *rules[6:]]
    result = lab.predicted({"name": "t", "chains": [{**chain, "rules": moved}]})
    assert [(change.action, change.kind) for change in result.changes] == [("move", "rule")]
    after = {rule.canon: rule.handle for rule in lab.rules("c")}
    assert [canon for canon in before if before[canon] != after[canon]] == [rules[5]]
    assert list(after) == moved


def test_constant_set_gets_other_elements(lab: Lab) -> None:
    def table(*elements: str) -> dict[str, Any]:
        return {
            "name": "t",
            "sets": [{"name": "s", "type": "inet_service", "flags": ["constant"], "elements": list(elements)}],
            "chains": [{"name": "c", "rules": ["tcp dport @s accept"]}],
        }

    lab.predicted(table("1", "2"))
    lab.predicted(table("2", "3"))


def test_what_was_reordered_in_the_kernel_does_not_count(lab: Lab) -> None:
    table = {
        "name": "t",
        "sets": [{"name": "a", "type": "mark"}, {"name": "b", "type": "mark"}],
        "chains": [{"name": "c"}],
    }
    lab.run(table)
    lab.run({**table, "sets": [{"name": "a", "type": "mark", "comment": "x"}, {"name": "b", "type": "mark"}]})
    lab.predicted(table)
    assert [live_set.name for live_set in lab.table().sets] == ["b", "a"]
    lab.settled(table)


def test_dormant_tables_sleep_and_wake(lab: Lab) -> None:
    """The kernel refuses to change a table's flags together with what is hooked; then the table is made anew."""
    chain = {"name": "c", "type": "filter", "hook": "output", "priority": 0, "rules": ["counter"]}
    other = {"name": "d", "type": "filter", "hook": "input", "priority": 0, "rules": ["accept"]}
    table: dict[str, Any] = {"name": "t", "counters": [{"name": "k"}], "chains": [chain]}
    lab.predicted(table)
    for flags, chains in (
        (["dormant"], [chain]),
        ([], [{**chain, "rules": ["counter", "accept"]}]),
        (["dormant"], [chain, other]),
        ([], [other]),
        (["dormant"], [{**other, "policy": "drop"}]),
        ([], [{**other, "priority": 5}]),
    ):
        lab.predicted({**table, "flags": flags, "chains": chains})
        assert lab.table().flags == ",".join(flags)
    lab.load("add table inet t { flags dormant; }")
    lab.single_predicted("chain", name="e", rules=["accept"])
    assert lab.table().flags == "dormant"


def test_objects_of_other_kinds(lab: Lab) -> None:
    helper = {"kind": "ct helper", "name": "ftp", "text": 'type "ftp" protocol tcp; l3proto ip'}
    clock = {
        "kind": "ct timeout",
        "name": "patient",
        "text": "protocol tcp\nl3proto ip\npolicy = { established : 7200,\nclose : 10 }\n",
    }
    chain = {"name": "c", "type": "filter", "hook": "forward", "priority": 0}
    rules = ['tcp dport 21 ct helper set "ftp"', "counter", 'tcp dport 22 ct timeout set "patient"']
    table = {"name": "t", "others": [helper, clock], "chains": [{**chain, "rules": rules}]}
    lab.predicted(table)
    before = lab.rules("c")
    changed = {**helper, "text": 'type "ftp" protocol tcp; l3proto ip6', "comment": "of IPv6"}
    result = lab.predicted({**table, "others": [changed, clock]})
    assert [(change.action, change.kind) for change in result.changes][:1] == [("recreate", "ct helper")]
    assert lab.rules("c")[1:] == before[1:]
    with pytest.raises(EngineError, match=r"rules\[0\]: .* does not exist"):
        lab.run({**table, "others": [clock]})
    lab.predicted({"name": "t", "chains": [{**chain, "rules": ["counter"]}]})
    assert not lab.table().objects


def test_a_new_element_has_all_of_its_time(lab: Lab) -> None:
    declared = {"name": "s", "type": "ipv4_addr", "flags": ["timeout"], "timeout": "1h", "counter": True}
    table = {"name": "t", "sets": [{**declared, "elements": ["10.0.0.1", {"value": "10.0.0.2", "timeout": "1m"}]}]}
    result = lab.predicted(table)
    assert "{ 10.0.0.1 counter, 10.0.0.2 counter timeout 1m }" in result.transaction
    assert "expires" not in result.transaction


@pytest.mark.parametrize("flags", [[], ["dormant"]])
def test_a_table_outlives_a_refused_change_of_its_flags(lab: Lab, flags: list[str]) -> None:
    """New sets come in a transaction of their own, which is taken back when the rest is refused; the table is not."""
    hook = {"name": "c", "type": "filter", "hook": "input", "priority": 0}
    other = [] if flags else ["dormant"]
    lab.run({"name": "t", "flags": other, "chains": [{**hook, "rules": ["counter"]}]})
    before = lab.listing(options=("-a",))
    new = {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": ["10.0.0.0/8"]}
    rules = ["ip saddr @s accept", "masquerade"]
    with pytest.raises(EngineError, match="nft rejects"):
        lab.run({"name": "t", "flags": flags, "sets": [new], "chains": [{**hook, "rules": rules}]})
    assert lab.listing(options=("-a",)) == before
