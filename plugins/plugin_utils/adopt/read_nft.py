# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules out of nft's JSON (libnftables-json(5)) of one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from . import expressions
from .expressions import Sets
from .model import FAMILIES, Base, Match, Rule, Table
from .words import Unsaid

HOOKS = ("output", "postrouting")
_VERDICTS = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return", "queue": "drop"}
_PASSING = ("counter", "log", "continue", "mangle", "notrack", "ct helper", "ct timeout", "set", "map", "quota", "last")
"""Statements after which a rule goes on; a quota that is used up stops it, which `over` makes a doubt."""

Json = Mapping[str, Any]


@dataclass
class _Made:
    """What is being made of one rule: alternatives, and each with its own verdict once there is one."""

    matches: list[Match]
    done: list[tuple[Match, str, str]] = field(default_factory=list)


def read(where: str, family: str, objects: Sequence[Json]) -> Table:
    """Return one table."""
    chains: dict[str, list[Rule]] = {}
    bases: list[Base] = []
    sets = expressions.sets(objects)
    for item in objects:
        chain = item.get("chain")
        if chain:
            chains.setdefault(chain["name"], [])
            if chain.get("hook") in HOOKS and chain.get("type") != "nat":
                bases.append(Base(chain["name"], chain.get("policy", "accept")))
    for item in objects:
        if "rule" in item:
            chain, number = item["rule"]["chain"], len({rule.text for rule in chains[item["rule"]["chain"]]}) + 1
            comment = f' "{item["rule"]["comment"]}"' if item["rule"].get("comment") else ""
            text = f"{where}, chain {chain}, rule {number}{comment}"
            made = list(_rules(text, FAMILIES[family], item["rule"].get("expr", []), sets))
            chains[chain] += made or [Rule(text, None, "")]
    found = {name: tuple(rules) for name, rules in chains.items()}
    changing = (f"{where}: the elements of the set {name} come and go" for name in sorted(sets.changing))
    return Table(where, family, found, tuple(bases), tuple(changing) if bases else ())


def _rules(text: str, seen: AddressSet, statements: Sequence[Any], sets: Sets) -> Iterator[Rule]:
    made = _Made([Match(seen)])
    for statement in statements:
        kind, what = next(iter(statement.items())) if isinstance(statement, Mapping) else (str(statement), None)
        _statement(made, kind, what, sets)
    yield from (Rule(text, match, verdict, target) for match, verdict, target in made.done)


def _statement(made: _Made, kind: str, what: Any, sets: Sets) -> None:
    if kind == "match":
        made.matches = _limited(made.matches, lambda: expressions.matches(what, sets))
    elif kind == "vmap":
        for match, verdict in _mapped(what, sets):
            made.done += [(one & match, *_verdict(verdict)) for one in made.matches if one & match]
    elif kind in _VERDICTS or kind in ("jump", "goto"):
        made.done += [(one, *_verdict({kind: what})) for one in made.matches]
    elif kind not in _PASSING:
        made.matches = [one.doubt(kind) for one in made.matches]


def _limited(matches: list[Match], read_more: Any) -> list[Match]:
    """Return each alternative with each of the new ones; a condition without words is a doubt on all of them."""
    try:
        more = read_more()
    except Unsaid as error:
        return [one.doubt(str(error)) for one in matches]
    return [one & other for one in matches for other in more if one & other]


def _mapped(what: Json, sets: Sets) -> Iterator[tuple[Match, Json]]:
    """Yield what each key of a verdict map is about, with its verdict."""
    data = what["data"]
    pairs = sets.maps.get(data[1:], []) if isinstance(data, str) else data["set"]
    for key, verdict in pairs:
        try:
            found = expressions.matches({"op": "==", "left": what["key"], "right": key}, sets)
        except Unsaid as error:
            found = [Match().doubt(str(error))]
        yield from ((match, verdict) for match in found)


def _verdict(value: Any) -> tuple[str, str]:
    """Return (verdict, target) of {"accept": null}, {"jump": {"target": …}} or the bare word."""
    what: Any
    kind, what = next(iter(value.items())) if isinstance(value, Mapping) else (str(value), {})
    if kind in ("jump", "goto"):
        return kind, str(what["target"])
    return ("", "") if kind == "continue" else (_VERDICTS.get(kind, "drop"), "")
