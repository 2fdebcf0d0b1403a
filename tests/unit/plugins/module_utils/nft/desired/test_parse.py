# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import (
    hooks,
    parse,
    parse_sets,
    parse_single,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ElementSpec,
    Hook,
    ObjectSpec,
    RuleSpec,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

WHOLE: dict[str, Any] = {
    "family": "inet",
    "name": "tidegate",
    "comment": "ours",
    "state": "present",
    "counters": [{"name": "denied", "comment": "all"}],
    "quotas": [{"name": "daily", "quota": "over 10 mbytes"}],
    "limits": [{"name": "calm", "limit": "rate 10/second burst 5 packets"}],
    "sets": [
        {
            "name": "allow_api4",
            "type": "ipv4_addr",
            "flags": ["interval"],
            "timeout": "1d",
            "gc_interval": 3600,
            "size": 65535,
            "auto_merge": False,
            "counter": True,
            "comment": "api",
            "elements": ["203.0.113.0/24", {"value": "198.51.100.7", "comment": "one", "timeout": 60}],
            "purge": True,
        }
    ],
    "maps": [
        {"name": "m", "type": "inet_service : verdict", "elements": [{"value": "443", "data": "jump web"}, "80 : drop"]}
    ],
    "chains": [
        {
            "name": "egress_output",
            "type": "filter",
            "hook": "output",
            "priority": "filter",
            "policy": "drop",
            "devices": [],
            "comment": "way out",
            "rules": ["accept", {"rule": "drop", "users": ["payd", 1003], "missing_users": "error"}],
        },
        {"name": "web", "rules": []},
        {"name": "bare"},
    ],
}


def test_a_whole_table() -> None:
    (table,) = parse.tables([WHOLE])
    assert (table.family, table.name, table.comment, table.present, table.others) == (
        "inet",
        "tidegate",
        "ours",
        True,
        "remove",
    )
    assert table.objects == (
        ObjectSpec("counter", "denied", ('comment "all"',), where="tables[0].counters[0]"),
        ObjectSpec("quota", "daily", ("over 10 mbytes",), where="tables[0].quotas[0]"),
        ObjectSpec("limit", "calm", ("rate 10/second burst 5 packets",), where="tables[0].limits[0]"),
    )
    named, mapped = table.sets
    assert named.declaration == (
        "type ipv4_addr",
        "flags interval",
        "timeout 1d",
        "gc-interval 3600s",
        "size 65535",
        'comment "api"',
        "counter",
    )
    assert (named.kind, named.mode, named.volatile, named.where) == ("set", "exact", True, "tables[0].sets[0]")
    assert named.elements == (
        ElementSpec("203.0.113.0/24", None, "tables[0].sets[0].elements[0]"),
        ElementSpec('198.51.100.7 timeout 60s comment "one"', None, "tables[0].sets[0].elements[1]"),
    )
    assert [element.whole for element in mapped.elements or ()] == ["443 : jump web", "80 : drop"]
    output, web, bare = table.chains
    assert output.hook == Hook("filter", "output", 0, "drop")
    assert output.comment == "way out"
    assert output.rules == (
        RuleSpec("accept", where="tables[0].chains[0].rules[0]"),
        RuleSpec("drop", ("payd", "1003"), "error", "tables[0].chains[0].rules[1]"),
    )
    # The table is owned whole, so that a chain without rules is empty.
    assert (web.hook, web.rules, bare.rules) == (None, (), ())


@pytest.mark.parametrize(
    ("keys", "where", "quoted"),
    [
        ({"chains": [{"name": "c", "rules": [{"tcp dport vmap { 22": "accept }"}]}]}, "chains[0].rules[0]",
         "'tcp dport vmap { 22 : accept }'"),
        ({"maps": [{"name": "m", "type": "mark : verdict", "elements": [{80: "drop"}]}]}, "maps[0].elements[0]",
         "'80 : drop'"),
    ],
)  # fmt: skip
def test_text_that_yaml_read_as_a_mapping(keys: dict[str, Any], where: str, quoted: str) -> None:
    with pytest.raises(
        EngineError, match=r"YAML reads `.*` as a mapping, because it has ': '. Fix: quote it: "
    ) as error:
        parse.tables([{"name": "t", **keys}])
    assert error.value.where == f"tables[0].{where}"
    assert quoted in str(error.value)


def test_keys_without_value_are_as_good_as_absent() -> None:
    empty = {key: None for key in parse.TABLE_KEYS if key != "name"}
    assert parse.tables([{**empty, "name": "t"}]) == parse.tables([{"name": "t"}])


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({}, "exact"),
        ({"flags": ["interval"]}, "exact"),
        ({"flags": ["timeout"]}, "add"),
        ({"flags": ["dynamic"]}, "add"),
        ({"timeout": "1h"}, "add"),
        ({"timeout": "1h", "purge": True}, "exact"),
        ({"purge": False}, "add"),
    ],
)
def test_who_else_may_have_elements_in_a_set(fields: dict[str, Any], mode: str) -> None:
    spec = parse_sets.parse("set", {"name": "s", "type": "mark", "elements": [], **fields}, "here")
    assert spec.mode == mode


@pytest.mark.parametrize(
    ("value", "family", "number"),
    [
        (0, "inet", 0),
        ("-10", "inet", -10),
        ("+10", "inet", 10),
        ("filter", "inet", 0),
        ("filter", "bridge", -200),
        ("out", "bridge", 100),
        ("srcnat", "ip", 100),
        ("raw + 10", "ip6", -290),
        ("dstnat-5", "inet", -105),
        (" security  -  1 ", "inet", 49),
    ],
)
def test_priorities(value: object, family: str, number: int) -> None:
    assert hooks.priority(value, family, "here") == number


@pytest.mark.parametrize(
    "value", ["", "high", "filter 5", "5 + filter", "filter +", True, None, "1.5", 2**31, "filter; policy drop"]
)
def test_no_priorities(value: object) -> None:
    with pytest.raises(EngineError, match=r"^here: "):
        hooks.priority(value, "inet", "here")


@pytest.mark.parametrize(
    ("value", "text"), [(90, "90s"), ("90", "90s"), ("1d", "1d"), ("2h30m", "2h30m"), ("500ms", "500ms")]
)
def test_times(value: object, text: str) -> None:
    assert parse_sets.time(value, "here") == text


@pytest.mark.parametrize("value", ["", "soon", "1 day", "-5", "1.5h", True, "1d; flags dynamic"])
def test_no_times(value: object) -> None:
    with pytest.raises(EngineError, match="is not a duration"):
        parse_sets.time(value, "here")


@pytest.mark.parametrize(
    ("version", "key"),
    [
        (4, "10.0.0.1"),
        (4, "10.0.0.0/8"),
        (4, "10.0.0.1-10.0.0.9"),
        (4, "10.0.0.1 - 10.0.0.9"),
        (6, "FD00::/8"),
        (4, "*"),
    ],
)
def test_addresses(version: int, key: str) -> None:
    assert parse_sets.element(key, "here", version=version).text == key


@pytest.mark.parametrize(
    ("version", "key"),
    [
        (4, "10.0.0.256"), (4, "10.0.0"), (4, "010.0.0.1"), (4, "10.0.0.0/33"), (4, "10.0.0.0/-1"), (4, "10.0.0.0/"),
        (4, "10.0.0.9-10.0.0.1"), (4, "10.0.0.1-"), (4, "::1"), (6, "10.0.0.1"), (6, "fe80::1%eth0"), (6, "::/129"),
        (4, "example.com"), (4, "10.0.0.0/8/8"), (4, "10.0.0.0 8"), (4, "10.0.0.0/08"), (4, "10.0.0.0/010"),
    ],
)  # fmt: skip
def test_no_addresses(version: int, key: str) -> None:
    with pytest.raises(EngineError, match=r"^here: .*Nothing was changed\.$"):
        parse_sets.element(key, "here", version=version)


RULE = {"family": "inet", "table": "t", "state": "present", "chain": "c", "comment": None}
PLACES: dict[str, Any] = {"position": None, "before": None, "after": None}


@pytest.mark.parametrize(
    ("fields", "text", "comment", "place", "anchor"),
    [
        ({"rule": "accept"}, "accept", None, "", ""),
        ({"rule": "accept", "comment": "web"}, 'accept comment "web"', "web", "", ""),
        ({"rule": 'accept comment "web"'}, 'accept comment "web"', "web", "", ""),
        ({"rule": "accept", "position": "first"}, "accept", None, "first", ""),
        ({"rule": "accept", "before": "ssh"}, "accept", None, "before", "ssh"),
        ({"rule": "accept", "after": "ssh"}, "accept", None, "after", "ssh"),
    ],
)
def test_one_rule(fields: dict[str, Any], text: str, comment: str | None, place: str, anchor: str) -> None:
    (table,) = parse_single.rule({**RULE, **PLACES, **fields})
    edit = table.chains[0].edit
    assert edit is not None
    assert edit.rule is not None
    assert (edit.rule.text, edit.comment, edit.place, edit.anchor) == (text, comment, place, anchor)
    assert (table.others, table.must_exist) == ("stay", True)


def test_a_comment_in_two_places() -> None:
    with pytest.raises(EngineError, match="already has a comment"):
        parse_single.rule({**RULE, **PLACES, "rule": 'accept comment "a"', "comment": "b"})
