# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules out of the grammar: every match in every shape, every statement, pairs of matches, and random sentences."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from .grammar import MATCHES, STATEMENTS, WHOLE, Match

ROUTED_CHAINS: dict[str, dict[str, Any]] = {
    "input": {"type": "filter", "hook": "input", "priority": "filter"},
    "prerouting": {"type": "filter", "hook": "prerouting", "priority": "raw"},
    "dstnat": {"type": "nat", "hook": "prerouting", "priority": "dstnat"},
    "srcnat": {"type": "nat", "hook": "postrouting", "priority": "srcnat"},
}
CHAINS: dict[str, dict[str, dict[str, Any]]] = {
    "inet": ROUTED_CHAINS,
    "ip": ROUTED_CHAINS,
    "ip6": ROUTED_CHAINS,
    "arp": {"input": {"type": "filter", "hook": "input", "priority": "filter"}},
    "bridge": {"input": {"type": "filter", "hook": "input", "priority": "filter"}},
    "netdev": {"input": {"type": "filter", "hook": "ingress", "priority": "filter", "devices": ["lo"]}},
}
"""By family, the chains that rules go to, by what the grammar calls their hook ("" is input)."""


class Rule(NamedTuple):
    """One rule in two spellings, and the chain it belongs to."""

    text: str
    other: str
    chain: str = "input"


def table(family: str) -> dict[str, Any]:
    """All that rules refer to, and no rules."""
    address = "ipv6_addr" if family == "ip6" else "ipv4_addr"
    return {
        "family": family,
        "name": "t",
        "counters": [{"name": "hits"}],
        "quotas": [{"name": "daily", "quota": "over 10 mbytes"}],
        "limits": [{"name": "calm", "limit": "rate 10/second"}],
        "sets": [
            {"name": "networks", "type": address, "flags": ["interval"]},
            {"name": "seen", "type": address, "flags": ["dynamic", "timeout"], "timeout": "1h", "size": 1000},
        ],
        "maps": [{"name": "verdicts", "type": "inet_service : verdict", "elements": ["22 : accept"]}],
        "chains": [{"name": "other", "rules": []}],
    }


def with_rules(family: str, rules: list[Rule], *, other: bool = False) -> dict[str, Any]:
    """The table of a family with these rules, in one or the other spelling."""
    spec = table(family)
    for name, declared in CHAINS[family].items():
        texts = [rule.other if other else rule.text for rule in rules if rule.chain == name]
        spec["chains"].append({"name": name, **declared, "rules": texts})
    return spec


def rules(family: str, sentences: int, seed: int) -> list[Rule]:
    """Every rule of the grammar for a family, and so many random sentences."""
    rng = random.Random(f"{family} {seed}")
    generated = [*_singles(family), *_statements(family), *_pairs(family, rng)]
    return list(dict.fromkeys([*generated, *(_sentence(family, rng) for _time in range(sentences))]))


def known(family: str) -> list[Match]:
    """The matches that a family has."""
    return [match for match in MATCHES if family in match.families]


def shapes(match: Match) -> Iterator[tuple[str, str]]:
    """A match in all shapes, each in two spellings."""
    text, other = match.text, match.other or match.text
    for text_of, other_of in match.values:
        yield f"{text} {text_of}", f"{other} {other_of}"
        yield f"{text} != {text_of}", f"{other} ne {other_of}"
        if match.ordered:
            yield from ((f"{text} {sign} {text_of}", f"{other} {word} {_bare(other_of)}") for sign, word in SIGNS)
    if match.in_set and len(match.values) > 1:
        ones = [text_of for text_of, _two in match.values]
        twos = [other_of for _one, other_of in reversed(match.values)]
        for sign in ("", "!= "):
            yield f"{text} {sign}{{ {', '.join(ones)} }}", f"{other} {sign}{{{','.join(twos)}}}"
        verdicts = ["accept", "drop", "jump other", "continue", "return"]
        pairs = [
            (f"{text_of} : {verdict}", f"{other_of} : {verdict}")
            for (text_of, other_of), verdict in zip(match.values, verdicts, strict=False)
        ]
        elements = [", ".join(each) for each in (*zip(*pairs, strict=True),)]
        yield f"{text} vmap {{ {elements[0]} }}", f"{other} vmap {{ {', '.join(reversed(elements[1].split(', ')))} }}"
        marks = [
            (f"{text_of} : {number}", f"{other_of} : 0x{number:x}")
            for number, (text_of, other_of) in enumerate(match.values, 9)
        ]
        if text not in PARTS:
            yield (
                f"meta mark set {text} map {{ {', '.join(text_of for text_of, _two in marks)} }}",
                f"mark set {other} map {{ {', '.join(other_of for _one, other_of in reversed(marks))} }}",
            )
    if match.ordered and len(match.values) > 1:
        (low, low2), (high, high2) = match.values[0], match.values[1]
        yield f"{text} {_bare(low2)}-{_bare(high2)}", f"{other} {low} - {high}"


def _bare(address: str) -> str:
    """An address without the length of its network."""
    return address.partition("/")[0]


PARTS = ("ip6 flowlabel", "ip dscp", "vlan id")
"""Parts of bytes: looked up in a map, they make nft 1.0.6 crash when a rule is inserted (test_quirks.py)."""

SIGNS = (("<", "lt"), (">", "gt"), ("<=", "le"), (">=", "ge"))


def _singles(family: str) -> Iterator[Rule]:
    for match in known(family):
        yield from (Rule(f"{first} counter", f"{second}   counter") for first, second in shapes(match))
    for first, second, families in WHOLE:
        if family in families:
            yield Rule(f'{first} accept comment "whole"', f"{second} accept comment whole")


def _statements(family: str) -> Iterator[Rule]:
    for first, second, families, hook in STATEMENTS:
        if family in families:
            yield Rule(first, second, hook or "input")


def _pairs(family: str, rng: random.Random) -> Iterator[Rule]:
    """Two things at once: one after the other, and joined to one key."""
    able = [match for match in known(family) if match.in_set and match.sized and len(match.values) > 1]
    for first in able:
        second = rng.choice([match for match in able if match is not first and first.goes_with(match)])
        (one, two), (uno, due) = first.values[0], second.values[-1]
        yield Rule(f"{first.text} {one} {second.text} {uno} drop", f"{first.text} {two} {second.text} {due} drop")
        keys = [
            (f"{a} . {c}", f"{_bare(b)} . {_bare(d)}")
            for (a, b), (c, d) in zip(first.values, second.values, strict=False)
        ]
        joined = f"{first.text} . {second.text}"
        yield Rule(
            f"{joined} {{ {', '.join(one for one, _two in keys)} }} accept",
            f"{joined} {{ {', '.join(two for _one, two in reversed(keys))} }} accept",
        )


def _sentence(family: str, rng: random.Random) -> Rule:
    """Some matches, some statements that let the packet go on, one that ends, and a comment."""
    words: list[tuple[str, str]] = []
    chosen: list[Match] = []
    for match in rng.sample(known(family), 3):
        if all(match.goes_with(before) for before in chosen):
            chosen.append(match)
            words.append(rng.choice([shape for shape in shapes(match) if "map {" not in shape[0]]))
    able = [
        (first, second)
        for first, second, families, hook in STATEMENTS
        if family in families and not hook and " set " not in first
    ]
    going = [pair for pair in able if pair[0].startswith(("counter", "log", "quota", "limit"))]
    words += rng.sample([pair for pair in going if not pair[0].endswith(ENDS)], rng.randint(0, 2))
    words.append(rng.choice([pair for pair in able if pair[0] in ENDS]))
    text = rng.choice(("", "plain", "a; { b", "x" * 100))
    if text:
        words.append((f'comment "{text}"', f'  comment "{text}"'))
    return Rule(" ".join(first for first, _two in words), " ".join(second for _one, second in words))


ENDS = ("accept", "drop", "return", "jump other")
