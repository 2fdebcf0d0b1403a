# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From nft's JSON to the objects of model.py. Every function bears any JSON value; only a broken frame is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from .model import (
    MARKING,
    Chain,
    Match,
    NamedSet,
    OtherStatement,
    Rule,
    SetReference,
    Statement,
    Table,
    Value,
    Verdict,
    VerdictKind,
    VerdictMap,
)
from .read_values import expression, is_list, value, without_extras

Json = Mapping[str, Any]
Pairs = tuple[tuple[Value, Verdict], ...]
_VERDICTS = get_args(VerdictKind)
_CHANGING = ("timeout", "dynamic")
_TABLE_FLAGS = {"dormant", "owner", "persist"}


class UnreadableListing(ValueError):
    """JSON that is no listing of one table; the message says what is wrong."""


def read_listing(listing: Any) -> Table:
    """Return the one table of `nft -j list table`. Raises UnreadableListing."""
    objects = listing.get("nftables") if isinstance(listing, Mapping) else None
    if not is_list(objects):
        raise UnreadableListing("it is not the JSON of nft")
    tables = [body for kind, body in _objects(objects) if kind == "table"]
    if len(tables) != 1:
        raise UnreadableListing(f"it holds {len(tables)} tables instead of one")
    return read_table(_text(tables[0], "family"), _text(tables[0], "name"), objects)


def read_table(family: str, name: str, objects: Iterable[Any]) -> Table:
    """Return a table from the objects of its listing. Raises UnreadableListing."""
    bodies = list(_objects(objects))
    rules: dict[str, list[Rule]] = {}
    for kind, body in bodies:
        if kind == "rule":
            rules.setdefault(_text(body, "chain"), []).append(_rule(body))
    chains = [_chain(body, rules) for kind, body in bodies if kind == "chain"]
    if lost := sorted(set(rules) - {chain.name for chain in chains}):
        raise UnreadableListing(f"it has rules of a chain that it does not list: {lost[0]}")
    return Table(
        family=family,
        name=name,
        chains={chain.name: chain for chain in chains},
        sets={_text(body, "name"): _named_set(body) for kind, body in bodies if kind == "set"},
        maps=_verdict_maps([body for kind, body in bodies if kind == "map"]),
        dormant=any(_dormant(body.get("flags", ())) for kind, body in bodies if kind == "table"),
    )


def _objects(objects: Iterable[Any]) -> Iterator[tuple[str, Json]]:
    if not is_list(objects):
        raise UnreadableListing("its objects are no list")
    for item in objects:
        if not isinstance(item, Mapping):
            raise UnreadableListing("one of its objects is no JSON object")
        for kind, body in item.items():
            if not isinstance(body, Mapping):
                raise UnreadableListing(f"its {kind} is no JSON object")
            yield str(kind), body


def _text(body: Json, key: str) -> str:
    text = body.get(key)
    if not isinstance(text, str):
        raise UnreadableListing(f"one of its objects has no {key}")
    return text


def _dormant(flags: Any) -> bool:
    """Return whether a table is dormant. Raises UnreadableListing where the listing hides it.

    nft up to 1.0.6 writes the family in the place of any flag.
    """
    names = {str(flag) for flag in flags} if is_list(flags) else {str(flags)}
    if strange := names - _TABLE_FLAGS:
        raise UnreadableListing(f"its flags are {', '.join(sorted(strange))}, so it may be dormant or not")
    return "dormant" in names


def _chain(body: Json, rules: Mapping[str, Sequence[Rule]]) -> Chain:
    name = _text(body, "name")
    return Chain(
        name,
        tuple(rules.get(name, ())),
        str(body.get("hook", "")),
        str(body.get("type", "filter")),
        str(body.get("policy", "accept")),
    )


def _named_set(body: Json) -> NamedSet:
    flags, elements = body.get("flags", ()), body.get("elem", ())
    changing = any(flag in (flags if is_list(flags) else (flags,)) for flag in _CHANGING)
    return NamedSet(tuple(value(element) for element in (elements if is_list(elements) else (elements,))), changing)


def _verdict_maps(bodies: Iterable[Json]) -> dict[str, Pairs]:
    """Return the maps to verdicts that can be read as a whole: a pair that vanished would be a rule that vanished."""
    maps = {_text(body, "name"): _pairs(body.get("elem", ())) for body in bodies}
    return {name: pairs for name, pairs in maps.items() if pairs is not None}


def _pairs(elements: Any) -> Pairs | None:
    """Return the keys of a map with their verdicts, None when one of them is none."""
    pairs: list[tuple[Value, Verdict]] = []
    for pair in elements if is_list(elements) else (None,):
        key, result = pair if is_list(pair) and len(pair) == 2 else (None, None)
        verdict = _verdict(without_extras(result))
        if verdict is None:
            return None
        pairs.append((value(key), verdict))
    return tuple(pairs)


def _rule(body: Json) -> Rule:
    statements = body.get("expr")
    if not is_list(statements):
        raise UnreadableListing(f"a rule of the chain {body.get('chain')} has no statements")
    comment = body.get("comment")
    return Rule(tuple(_statement(item) for item in statements), comment if isinstance(comment, str) else "")


def _statement(item: Any) -> Statement:
    """Return one statement. What is no mapping with one key is kept by the name that it has."""
    if not isinstance(item, Mapping) or len(item) != 1:
        return OtherStatement(item if isinstance(item, str) else "of unknown form")
    ((kind, body),) = item.items()
    if verdict := _verdict(item):
        return verdict
    if kind == "mangle" and isinstance(body, Mapping) and body.get("key") == {"ct": {"key": "mark"}}:
        return OtherStatement(MARKING)
    reader = _READERS.get(kind)
    return (reader(body) if reader else None) or OtherStatement(str(kind))


def _verdict(item: Any) -> Verdict | None:
    """Return the verdict of {"accept": null} or {"jump": {"target": …}}, None for what is none."""
    if not isinstance(item, Mapping) or len(item) != 1:
        return None
    ((kind, body),) = item.items()
    if kind in ("jump", "goto"):
        target = body.get("target") if isinstance(body, Mapping) else None
        return Verdict(kind, target) if isinstance(target, str) else None
    return Verdict(kind) if kind in _VERDICTS else None


def _match(body: Any) -> Match | None:
    if not isinstance(body, Mapping) or not {"left", "right", "op"} <= set(body):
        return None
    return Match(expression(body["left"]), str(body["op"]), value(body["right"]))


def _verdict_map(body: Any) -> VerdictMap | None:
    if not isinstance(body, Mapping) or not {"key", "data"} <= set(body):
        return None
    data, key = body["data"], expression(body["key"])
    if isinstance(data, str) and data.startswith("@"):
        return VerdictMap(key, SetReference(data[1:]))
    pairs = _pairs(data.get("set")) if isinstance(data, Mapping) else None
    return None if pairs is None else VerdictMap(key, pairs)


_READERS: Mapping[str, Callable[[Any], Statement | None]] = {"match": _match, "vmap": _verdict_map}
