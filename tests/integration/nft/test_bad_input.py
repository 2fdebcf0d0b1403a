# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gives one clear error that names place, cause and mend, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .conftest import Lab

GOOD: dict[str, Any] = {
    "name": "t",
    "sets": [{"name": "a", "type": "ipv4_addr", "flags": ["interval"], "elements": ["10.0.0.0/8"]}],
    "chains": [{"name": "c", "type": "filter", "hook": "output", "priority": "filter", "rules": ["counter", "accept"]}],
}
WITH_RULE = "tables[0].chains[0].rules[2]"
WITH_ELEMENT = "tables[0].sets[0].elements[1]"

# rule text -> (reason, part of the message)
RULES: dict[str, tuple[str, str]] = {
    "accept; } table x { chain y { type filter hook input priority 0; } }": ("bad_spec", "ends a rule"),
    "accept } table ip x { chain y { } ": ("bad_spec", "closes a brace that it did not open"),
    "accept\nadd table ip x": ("bad_spec", "in YAML, '>-' in place of '|' joins lines"),
    "accept\radd table ip x": ("bad_spec", "control character"),
    "accept \\": ("bad_spec", "backslash"),
    "tcp dport { 22 accept": ("bad_spec", "opens a brace that it does not close"),
    "tcp dport 22 } accept {": ("bad_spec", "closes a brace"),
    'accept comment "open': ("bad_spec", "double quote that it does not close"),
    "accept # the end": ("bad_spec", "'#'"),
    'accept comment "a" ; drop': ("bad_spec", "ends a rule"),
    "": ("bad_spec", "empty"),
    "   ": ("bad_spec", "empty"),
    "handle 3 accept": ("bad_spec", "cannot begin with 'handle'"),
    "index 0 accept": ("bad_spec", "cannot begin with 'index'"),
    "position 3 accept": ("bad_spec", "cannot begin with 'position'"),
    f'accept comment "{"x" * 129}"': ("bad_spec", "129 bytes"),
    f'accept comment "{"ü" * 65}"': ("bad_spec", "130 bytes"),
    f'log prefix "{"x" * 128}" accept comment "prefix"': ("bad_spec", "128 bytes; the kernel allows 127"),
    f"jump {'x' * 256}": ("bad_spec", "more than 255 bytes"),
    f'osf name "{"x" * 254}"': ("bad_spec", "more than 255 bytes"),
    'include "/etc/passwd"': ("rejected_by_nft", "syntax error"),
    "define x = 5": ("rejected_by_nft", "syntax error"),
    "accept add table ip x": ("rejected_by_nft", "syntax error"),
    "ip daddr $LAN accept": ("bad_spec", "$LAN is a variable of nft's scripts"),
    "ip daddr 10.0.0.256 accept": ("bad_spec", "'10.0.0.256' stands where an IPv4 address, network or range belongs"),
    "ip6 daddr != { ::1, 2001:db8::g } accept": ("bad_spec", "'2001:db8::g' stands where an IPv6 address"),
    "tcp dport . ip saddr { 80 . localhost } accept": ("bad_spec", "'localhost' stands where an IPv4 address"),
    "ip saddr vmap { 10.0.0.x : accept }": ("bad_spec", "'10.0.0.x' stands where an IPv4 address"),
    "dnat ip to backend:80": ("bad_spec", "'backend' stands where an IPv4 address"),
    "tcp dport 70000 accept": ("rejected_by_nft", ""),
    "ip daddr 10.0.0.0/33 accept": ("bad_spec", "'10.0.0.0/33' stands where"),
    "jump c": (
        "rejected_by_nft",
        "c is a base chain, which only its hook calls. Fix: move its rules to a regular chain",
    ),
    "goto c": ("rejected_by_nft", "c is a base chain"),
    "tcp dport vmap { 22 : jump c }": ("rejected_by_nft", "c is a base chain"),
    "masquerade": (
        "rejected_by_nft",
        "allows masquerade only in base chains of type nat with the hook postrouting; c has type filter and hook",
    ),
    "ct status dnat dnat ip to 10.0.0.1": ("rejected_by_nft", "allows dnat only in base chains of type nat"),
    "ip daddr 10.0.0.9-10.0.0.1 accept": ("rejected_by_nft", ""),
    "tcp dport nonsense accept": ("rejected_by_nft", "Could not resolve service"),
    "meta skuid nobody-of-that-name accept": ("rejected_by_nft", "User does not exist"),
    "jump nowhere": ("rejected_by_nft", "does not exist"),
    "ip daddr @nowhere accept": ("rejected_by_nft", "does not exist"),
    "counter name nowhere": ("rejected_by_nft", "does not exist"),
    "acccept": ("rejected_by_nft", "syntax error"),
    "policy drop": ("rejected_by_nft", "syntax error"),
    "type filter hook input priority 0": ("rejected_by_nft", "syntax error"),
    "tcp dport { 22; } accept": ("rejected_by_nft", "syntax error"),
}


@pytest.mark.parametrize("text", RULES)
def test_rule(lab: Lab, text: str) -> None:
    reason, part = RULES[text]
    lab.run(GOOD)
    bad = {**GOOD, "chains": [{**GOOD["chains"][0], "rules": ["counter", "accept", text]}]}
    refused(lab, bad, reason, WITH_RULE, part)


# element -> (reason, part of the message)
ELEMENTS: dict[str, tuple[str, str]] = {
    "10.0.0.300": ("bad_spec", "is not an IPv4 address, network or range"),
    "2001:db8::1": ("bad_spec", "is not an IPv4 address"),
    "example.com": ("bad_spec", "is not an IPv4 address"),
    "10.0.0.0/33": ("bad_spec", "is not an IPv4 address"),
    "10.0.0": ("bad_spec", "is not an IPv4 address"),
    "10.0.0.9-10.0.0.1": ("bad_spec", "reversed"),
    "tcp": ("bad_spec", "is not an IPv4 address"),
    "": ("bad_spec", "empty"),
    "11.0.0.0/8, 12.0.0.0/8": ("bad_spec", "separates elements"),
    "11.0.0.0/8 } ; add table ip x": ("bad_spec", "ends a statement"),
    "11.0.0.0/8 }": ("bad_spec", "ends the list"),
    "11.0.0.0/8 # x": ("bad_spec", "'#'"),
    "11.0.0.0/8\n12.0.0.0/8": ("bad_spec", "line break"),
    "11.0.0.0/8 : drop": ("bad_spec", "only an element of a map"),
    "10.1.0.0/16": ("bad_spec", "10.1.0.0/16 overlaps 10.0.0.0/8 (tables[0].sets[0].elements[0])"),
}


@pytest.mark.parametrize("text", ELEMENTS)
def test_element(lab: Lab, text: str) -> None:
    reason, part = ELEMENTS[text]
    lab.run(GOOD)
    bad = {**GOOD, "sets": [{**GOOD["sets"][0], "elements": ["10.0.0.0/8", text]}]}
    refused(lab, bad, reason, WITH_ELEMENT, part)


def test_overlapping_ports(lab: Lab) -> None:
    lab.run(GOOD)
    ports = {"name": "p", "type": "inet_service", "flags": ["interval"], "elements": ["1-10", "5-20"]}
    refused(
        lab, {**GOOD, "sets": [*GOOD["sets"], ports]}, "rejected_by_nft", "tables[0].sets[1]", "conflicting intervals"
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [("inet_service", "nonsense"), ("inet_service", "70000"), ("ether_addr", "zz"), ("inet_proto", "nonsense")],
)
def test_element_of_another_type(lab: Lab, kind: str, value: str) -> None:
    lab.run(GOOD)
    refused(
        lab,
        {**GOOD, "sets": [*GOOD["sets"], {"name": "b", "type": kind, "elements": [value]}]},
        "rejected_by_nft",
        "tables[0].sets[1].elements[0]",
        value,
    )


def test_a_statement_that_the_chain_before_cannot_have(lab: Lab) -> None:
    lab.run(GOOD)
    chains = [{"name": "nat", "rules": ["masquerade"]}, {**GOOD["chains"][0], "rules": ["jump nat"]}]
    refused(
        lab,
        {**GOOD, "chains": chains},
        "rejected_by_nft",
        "tables[0].chains[1].rules[0]",
        "allows masquerade of chain nat only in base chains of type nat with the hook postrouting; c has type filter",
    )


@pytest.mark.parametrize(
    ("kind", "text", "part"),
    [
        (
            "flowtable",
            "hook ingress priority 0; devices = { lo }",
            "This kernel has no flowtables (modules nf_flow_table",
        ),
        ("secmark", '"system_u:object_r:x_t:s0"', "This kernel has no security marks (CONFIG_NETWORK_SECMARK)"),
    ],
)
def test_an_object_that_the_kernel_lacks(lab: Lab, kind: str, text: str, part: str) -> None:
    has_it = lab.nft.load(f"table inet has {{ {kind} f {{ {text}; }}; }}\n").code == 0
    lab.run(GOOD)
    wrong = {**GOOD, "others": [{"kind": kind, "name": "f", "text": text}]}
    if has_it:
        assert lab.run(wrong).changed
        return
    refused(lab, wrong, "rejected_by_nft", "tables[0].others[0]", part)


@pytest.mark.parametrize("name", ["table", "rt", "policy"])
@pytest.mark.parametrize("kind", ["chain", "set", "counter", "table"])
def test_name_that_is_a_word_of_the_grammar(lab: Lab, kind: str, name: str) -> None:
    lab.run(GOOD)
    what: dict[str, Any] = {
        "chain": {**GOOD, "chains": [*GOOD["chains"], {"name": name}]},
        "set": {**GOOD, "sets": [*GOOD["sets"], {"name": name, "type": "mark"}]},
        "counter": {**GOOD, "counters": [{"name": name}]},
        "table": {**GOOD, "name": name},
    }
    place = {"chain": "tables[0].chains[1]", "set": "tables[0].sets[1]", "counter": "tables[0].counters[0]"}
    text = f"'{name}' is a keyword of nft {lab.nft.version()} and cannot be a name. Fix: choose another"
    refused(lab, what[kind], "bad_spec", place.get(kind, "tables[0]"), text)


@pytest.mark.parametrize("name", ["out", "to"])
def test_name_that_only_an_old_grammar_has(lab: Lab, name: str) -> None:
    table = {"name": "t", "chains": [{"name": name}]}
    if lab.version < (1, 0):
        refused(lab, table, "bad_spec", "tables[0].chains[0]", f"{name!r} is a keyword of nft")
    else:
        lab.predicted(table)


# what -> (table, where, part of the message)
TABLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown key": ({**GOOD, "chain": []}, "tables[0]", "'chain' is not a key here. Did you mean 'chains'?"),
    "unknown key of a chain": (
        {"name": "t", "chains": [{"name": "c", "polcy": "drop"}]},
        "tables[0].chains[0]",
        "Did you mean 'policy'?",
    ),
    "no name": ({"chains": []}, "tables[0]", "'name' is missing"),
    "name that was a truth": ({"name": "True"}, "tables[0].name", "Fix: quote the name"),
    "name far too long": (
        {"name": "t", "sets": [{"name": "s", "type": "x" * 100_000}]},
        "tables[0].sets[0].type",
        "255",
    ),
    "share of nothing": ({"name": "t", "max_removed": "much"}, "tables[0].max_removed", "'much' is not a percentage"),
    "huge share": (
        {"name": "t", "max_removed": {"percent": 10**9}},
        "tables[0].max_removed.percent",
        "is not a percentage",
    ),
    "users without a list": (
        {"name": "t", "chains": [{"name": "c", "rules": [{"rule": "accept", "users": "root"}]}]},
        "tables[0].chains[0].rules[0].users",
        "'root' is not a list. Write it as [root]",
    ),
    "name with a blank": ({"name": "a b"}, "tables[0].name", "is not a name for nft"),
    "name with a brace": ({"name": "a{}"}, "tables[0].name", "is not a name for nft"),
    "long name": ({"name": "a" * 256}, "tables[0].name", "256 bytes"),
    "family": ({"name": "t", "family": "ipv4"}, "tables[0].family", "'ipv4' is not one of inet, ip, ip6"),
    "duplicate chain": (
        {"name": "t", "chains": [{"name": "c"}, {"name": "c"}]},
        "tables[0].chains[1]",
        "two chains named 'c'",
    ),
    "set and map of one name": (
        {"name": "t", "sets": [{"name": "s", "type": "mark"}], "maps": [{"name": "s", "type": "mark : verdict"}]},
        "tables[0].maps[0]",
        "two sets or maps named 's'",
    ),
    "no type": ({"name": "t", "sets": [{"name": "s"}]}, "tables[0].sets[0]", "either 'type' or 'typeof'"),
    "map without data type": (
        {"name": "t", "maps": [{"name": "m", "type": "mark"}]},
        "tables[0].maps[0]",
        "a map has ' : '",
    ),
    "hook without priority": (
        {"name": "t", "chains": [{"name": "c", "type": "filter", "hook": "output"}]},
        "tables[0].chains[0]",
        "'priority' is missing",
    ),
    "policy of a regular chain": (
        {"name": "t", "chains": [{"name": "c", "policy": "drop"}]},
        "tables[0].chains[0]",
        "needs type, hook and priority",
    ),
    "unknown priority": (
        {"name": "t", "chains": [{"name": "c", "type": "filter", "hook": "output", "priority": "high"}]},
        "tables[0].chains[0].priority",
        "'high' is not a priority of family inet; there are raw, mangle",
    ),
    "no users": (
        {"name": "t", "chains": [{"name": "c", "rules": [{"rule": "accept", "users": []}]}]},
        "tables[0].chains[0].rules[0]",
        "'users' is empty",
    ),
    "long comment": ({"name": "t", "comment": "x" * 129}, "tables[0].comment", "129 bytes"),
    "comment with a quote": ({"name": "t", "comment": 'a"b'}, "tables[0].comment", "double quote"),
    "time": (
        {"name": "t", "sets": [{"name": "s", "type": "mark", "timeout": "soon"}]},
        "tables[0].sets[0].timeout",
        "'soon' is not a duration",
    ),
    "type with a brace": (
        {"name": "t", "sets": [{"name": "s", "type": "mark; } chain x {"}]},
        "tables[0].sets[0].type",
        "ends or opens another block",
    ),
    "object of a kind that nobody knows": (
        {"name": "t", "others": [{"kind": "ct helpers", "name": "f", "text": "protocol tcp"}]},
        "tables[0].others[0].kind",
        "'ct helpers' is not one of ct helper, ct timeout",
    ),
    "object that closes its brace": (
        {"name": "t", "others": [{"kind": "synproxy", "name": "s", "text": "mss 1460 } chain x { "}]},
        "tables[0].others[0].text",
        "closes a brace that it did not open",
    ),
    "object without words": (
        {"name": "t", "others": [{"kind": "synproxy", "name": "s", "text": " \n"}]},
        "tables[0].others[0].text",
        "is empty",
    ),
    "flag of a table": (
        {"name": "t", "flags": ["owner"]},
        "tables[0].flags[0]",
        "'owner' is not one of dormant",
    ),
    "statements with a brace": (
        {"name": "t", "sets": [{"name": "s", "type": "mark", "statements": "counter } chain x {"}]},
        "tables[0].sets[0].statements",
        "ends or opens another block",
    ),
    "statements and counter": (
        {"name": "t", "sets": [{"name": "s", "type": "mark", "counter": True, "statements": "quota 1 bytes"}]},
        "tables[0].sets[0].statements",
        "'statements' and 'counter: true' exclude each other",
    ),
    "limit with a brace": (
        {"name": "t", "limits": [{"name": "l", "limit": "rate 1/second; } chain x {"}]},
        "tables[0].limits[0].limit",
        "ends or opens another block",
    ),
}


@pytest.mark.parametrize("what", TABLES)
def test_table(lab: Lab, what: str) -> None:
    lab.run(GOOD)
    table, where, part = TABLES[what]
    refused(lab, table, "bad_spec", where, part)


# what nft says of these depends on its version
REFUSED_BY_NFT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown type": ({"name": "t", "sets": [{"name": "s", "type": "nonsense"}]}, "tables[0].sets[0]"),
    "unknown limit": ({"name": "t", "limits": [{"name": "l", "limit": "rate often"}]}, "tables[0].limits[0]"),
    "nat hook": (
        {"name": "t", "chains": [{"name": "c", "type": "nat", "hook": "forward", "priority": 0}]},
        "tables[0].chains[0]",
    ),
    "rule that its hook does not allow": (
        {
            "name": "t",
            "chains": [{"name": "c", "type": "filter", "hook": "input", "priority": 0, "rules": ["masquerade"]}],
        },
        "tables[0].chains[0].rules[0]",
    ),
    "rule that jumps to itself": (
        {
            "name": "t",
            "chains": [{"name": "c", "type": "filter", "hook": "input", "priority": 0, "rules": ["jump d"]},
                       {"name": "d", "rules": ["jump d"]}],
        },
        "tables[0].chains[1].rules[0]",
    ),
    "network in a set without intervals": (
        {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "elements": ["10.0.0.0/8"]}]},
        "tables[0].sets[0].elements[0]",
    ),
    "more elements than the size": (
        {"name": "t", "sets": [{"name": "s", "type": "mark", "size": 1, "elements": ["1", "2"]}]},
        "tables[0].sets[0]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED_BY_NFT)
def test_what_only_nft_or_the_kernel_can_know(lab: Lab, what: str) -> None:
    lab.run(GOOD)
    table, where = REFUSED_BY_NFT[what]
    refused(lab, table, "rejected_by_nft", where, "nft rejects")


def refused(lab: Lab, table: dict[str, Any], reason: str, where: str, part: str) -> None:
    """Assert that a run and its check mode fail alike, say where and why, and change nothing."""
    before = lab.listing(options=("-a", "-s"))
    messages = set()
    for check in (True, False):
        with pytest.raises(EngineError) as error:
            lab.run(table, check=check)
        messages.add(str(error.value))
        assert error.value.reason == reason, str(error.value)
        assert error.value.where.startswith(where), str(error.value)
        assert part in str(error.value)
        assert str(error.value).startswith(f"{error.value.where}: ")
        assert str(error.value).endswith(UNCHANGED)
        assert "\n" not in str(error.value)
        assert "_tidegate" not in str(error.value)
        assert len(str(error.value)) < 1500
    assert len(messages) == 1
    assert lab.listing(options=("-a", "-s")) == before
