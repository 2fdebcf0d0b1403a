# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's JSON as typed objects: every form has its type, and what has none keeps its name."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import address_set, number_set
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    AnonymousSet,
    BitUnion,
    ConcatenatedValue,
    Concatenation,
    ConnTrack,
    Expression,
    Fib,
    Masked,
    Match,
    Meta,
    NotModelled,
    OtherStatement,
    Payload,
    Prefix,
    Range,
    SetReference,
    Statement,
    UnknownExpression,
    UnknownValue,
    Value,
    Verdict,
    VerdictMap,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import (
    UnreadableListing,
    read_listing,
    read_table,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read_values import expression, value

SAMPLES = Path(__file__).parents[1] / "adopt" / "samples"
FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}


@pytest.mark.parametrize(
    ("item", "read", "text"),
    [
        ({"meta": {"key": "skuid"}}, Meta("skuid"), "meta skuid"),
        ({"payload": {"protocol": "tcp", "field": "dport"}}, Payload("tcp", "dport"), "tcp dport"),
        ({"ct": {"key": "state"}}, ConnTrack("state"), "ct state"),
        ({"ct": {"key": "proto-dst", "dir": "original"}}, ConnTrack("proto-dst", "original"), "ct original proto-dst"),
        ({"&": [FLAGS, {"|": ["syn", "ack"]}]}, Masked(Payload("tcp", "flags"), BitUnion(("syn", "ack"))),
         "tcp flags & syn,ack"),
        ({"concat": [{"meta": {"key": "l4proto"}}, FLAGS]}, Concatenation((Meta("l4proto"), Payload("tcp", "flags"))),
         "meta l4proto . tcp flags"),
        ({"fib": {"result": "type", "flags": ["daddr"]}}, Fib("type", ("daddr",)), "fib daddr type"),
        ({"fib": {"result": "oif", "flags": "saddr"}}, Fib("oif", ("saddr",)), "fib saddr oif"),
        ({"payload": {"base": "th", "offset": 0, "len": 16}}, UnknownExpression("payload th 0 16"), "payload th 0 16"),
        ({"ct": {"key": "saddr", "dir": "reply", "family": "ip"}}, UnknownExpression("ct saddr reply ip"), None),
        ("odd", UnknownExpression("odd"), "odd"),
    ],
)  # fmt: skip
def test_expressions(item: Any, read: Expression, text: str | None) -> None:
    assert expression(item) == read
    assert str(expression(item)) == (text or str(read))


@pytest.mark.parametrize(
    ("item", "read"),
    [
        (443, 443),
        ("eth0", "eth0"),
        ("@bad", SetReference("bad")),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, Prefix("10.0.0.0", 8)),
        ({"range": [1, 9]}, Range(1, 9)),
        ({"concat": ["10.0.0.1", 6]}, ConcatenatedValue(("10.0.0.1", 6))),
        (["new", "established"], BitUnion(("new", "established"))),
        ({"set": [1, {"range": [2, 3]}]}, AnonymousSet((1, Range(2, 3)))),
        ({"set": 1}, AnonymousSet((1,))),
        ({"elem": {"val": 443, "timeout": 60, "expires": 9}}, 443),
        ({"prefix": {"addr": "10.0.0.0", "len": "8"}}, UnknownValue("prefix 10.0.0.0 8")),
        ({"rt": {"key": "nexthop"}}, UnknownValue("rt nexthop")),
        (None, UnknownValue("None")),
        (True, UnknownValue("True")),
    ],
)
def test_values(item: Any, read: Value) -> None:
    assert value(item) == read


@pytest.mark.parametrize(
    ("item", "read"),
    [
        ({"accept": None}, Verdict("accept")),
        ({"reject": {"type": "tcp reset"}}, Verdict("reject")),
        ({"jump": {"target": "a"}}, Verdict("jump", "a")),
        ({"jump": None}, OtherStatement("jump")),
        ({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}}, Match(Meta("mark"), "==", 7)),
        ({"match": {"op": "==", "left": 1}}, OtherStatement("match")),
        ({"vmap": {"key": {"meta": {"key": "mark"}}, "data": "@m"}}, VerdictMap(Meta("mark"), SetReference("m"))),
        (
            {"vmap": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[1, {"drop": None}]]}}},
            VerdictMap(Meta("mark"), ((1, Verdict("drop")),)),
        ),
        # A pair that is none must not vanish from its map.
        (
            {"vmap": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[1, {"drop": None}], [2, 3]]}}},
            OtherStatement("vmap"),
        ),
        ({"xt": {"type": "match", "name": "u32"}}, OtherStatement("xt")),
        ({"counter": "named"}, OtherStatement("counter")),
        ("notrack", OtherStatement("notrack")),
        ({"a": 1, "b": 2}, OtherStatement("of unknown form")),
    ],
)
def test_statements(item: Any, read: Statement) -> None:
    objects = [{"chain": {"name": "c"}}, {"rule": {"chain": "c", "expr": [item]}}]
    assert read_table("inet", "t", objects).chains["c"].rules[0].statements == (read,)


def test_a_table_with_chains_sets_and_maps() -> None:
    listing = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"table": {"family": "inet", "name": "t", "handle": 1, "flags": ["dormant"]}},
            {"set": {"name": "s", "flags": ["interval", "timeout"], "elem": [{"elem": {"val": 1, "timeout": 5}}]}},
            {"set": {"name": "empty"}},
            {"map": {"name": "m", "elem": [[1, {"jump": {"target": "c"}}]]}},
            {"map": {"name": "marks", "elem": [[1, 2]]}},
            {"chain": {"name": "c", "hook": "output", "type": "route", "prio": 0, "policy": "drop"}},
            {"rule": {"chain": "c", "comment": "why", "expr": [{"accept": None}]}},
        ]
    }
    table = read_listing(listing)
    assert (table.family, table.name, table.dormant) == ("inet", "t", True)
    chain = table.chains["c"]
    assert (chain.hook, chain.kind, chain.policy) == ("output", "route", "drop")
    assert (chain.rules[0].comment, chain.rules[0].statements) == ("why", (Verdict("accept"),))
    assert table.chains_at("output") == []
    assert table.elements(SetReference("s")) == (1,)
    assert (table.sets["s"].changing, table.sets["empty"].changing) == (True, False)
    assert table.elements(AnonymousSet((1, 2))) == (1, 2)
    assert table.pairs(VerdictMap(Meta("mark"), SetReference("m"))) == ((1, Verdict("jump", "c")),)
    with pytest.raises(NotModelled, match="the set @gone"):
        table.elements(SetReference("gone"))
    with pytest.raises(NotModelled, match="the map @marks"):
        table.pairs(VerdictMap(Meta("mark"), SetReference("marks")))


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        (None, "it is not the JSON of nft"),
        ({"nftables": 5}, "it is not the JSON of nft"),
        ({"nftables": []}, "it holds 0 tables instead of one"),
        ({"nftables": [{"table": {"family": "ip"}}]}, "one of its objects has no name"),
        ({"nftables": [5]}, "one of its objects is no JSON object"),
        ({"nftables": [{"chain": 5}]}, "its chain is no JSON object"),
        ({"nftables": [{"table": {"family": "ip", "name": "t"}}, {"rule": {"chain": "c", "expr": []}}]},
         "it has rules of a chain that it does not list: c"),
        ({"nftables": [{"table": {"family": "ip", "name": "t"}}, {"rule": {"chain": "c"}}]},
         "a rule of the chain c has no statements"),
        ({"nftables": [{"table": {"family": "ip", "name": "t", "flags": "ip"}}]}, "so it may be dormant or not"),
    ],
)  # fmt: skip
def test_what_is_no_listing(listing: Any, message: str) -> None:
    with pytest.raises(UnreadableListing, match=message):
        read_listing(listing)


# fmt: off
KEYS = (
    "match", "vmap", "set", "elem", "val", "op", "left", "right", "key", "data", "payload", "&", "concat", "range",
    "prefix", "jump", "accept", "expr", "chain", "name", "rule", "x",
)
# fmt: on
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["@s", "lo", "10.0.0.1"])
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@given(item=JSON)
def test_any_json_as_a_statement_or_element_is_kept(item: Any) -> None:
    objects = [
        {"chain": {"name": "c", "hook": "output"}},
        {"rule": {"chain": "c", "expr": [item]}},
        {"set": {"name": "s", "elem": item}},
        {"map": {"name": "m", "elem": item}},
    ]
    table = read_table("inet", "t", objects)
    (rule,) = table.chains["c"].rules
    assert len(rule.statements) == 1
    assert len(table.sets["s"].elements) == (len(item) if isinstance(item, list) else 1)
    str(expression(item)), str(value(item))


@given(objects=st.lists(JSON, max_size=4) | JSON)
def test_any_json_as_a_listing_is_read_or_is_one_error(objects: Any) -> None:
    with contextlib.suppress(UnreadableListing):
        read_table("inet", "t", objects)


def test_a_real_ruleset_has_nothing_that_is_not_known() -> None:
    table = read_listing(json.loads((SAMPLES / "firewalld-1.3.3.json").read_text()))
    statements = [statement for chain in table.chains.values() for rule in chain.rules for statement in rule.statements]
    assert len(statements) > 40
    assert {type(statement) for statement in statements} <= {Match, Verdict, VerdictMap, OtherStatement}
    assert {statement.name for statement in statements if isinstance(statement, OtherStatement)} <= {"xt", "mangle"}
    matches = [statement for statement in statements if isinstance(statement, Match)]
    known = [match for match in matches if not isinstance(match.left, UnknownExpression)]
    assert known == matches
    # `fib saddr . mark . iif oif missing` is false in JSON.
    assert {str(match.left) for match in matches if isinstance(match.right, UnknownValue)} == {
        "fib saddr . mark . iif oif"
    }


def test_values_as_sets() -> None:
    assert number_set([5, Range(1, 4), 9]) == ((1, 5), (9, 9))
    mapped = address_set([Prefix("::ffff:0.0.0.0", 96), "10.0.0.1", Range("10.0.0.2", "10.0.0.9")])
    assert mapped.elements(4) == ["10.0.0.1-10.0.0.9"]
    assert mapped.elements(6) == ["::ffff:0.0.0.0/96"]


@pytest.mark.parametrize("wrong", ["eth0", Range("a", 3), Range(9, 1), UnknownValue("x"), SetReference("s")])
def test_values_that_are_no_numbers(wrong: Value) -> None:
    with pytest.raises(NotModelled, match="the value"):
        number_set([wrong])


@pytest.mark.parametrize(
    "wrong", ["host.example", 7, "*", Range("10.0.0.1", "::1"), Range("10.0.0.9", "10.0.0.1"), Prefix("10.0.0.0", 99)]
)
def test_values_that_are_no_addresses(wrong: Value) -> None:
    with pytest.raises(NotModelled, match="the address"):
        address_set([wrong])
