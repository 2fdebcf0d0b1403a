# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions and values of nft's JSON. What has no type stays as UnknownExpression or UnknownValue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from .model import (
    AnonymousSet,
    BitUnion,
    Cgroup,
    ConcatenatedValue,
    Concatenation,
    ConnTrack,
    Expression,
    Fib,
    Masked,
    Meta,
    Payload,
    Prefix,
    Range,
    SetReference,
    UnknownExpression,
    UnknownValue,
    Value,
)

_DEEPEST = 16
"""Levels of expressions within expressions; nft itself writes four at most."""


def expression(item: Any, depth: int = 0) -> Expression:
    """Return the left side of a match, or the key of a map."""
    if not isinstance(item, Mapping) or len(item) != 1 or depth > _DEEPEST:
        return UnknownExpression(shown(item))
    ((kind, body),) = item.items()
    if kind == "concat" and is_list(body):
        return Concatenation(tuple(expression(part, depth + 1) for part in body))
    if kind == "&" and is_list(body) and len(body) == 2:
        return Masked(expression(body[0], depth + 1), value(body[1], depth + 1))
    if kind == "fib" and isinstance(body, Mapping) and set(body) == {"result", "flags"}:
        keys = body["flags"] if is_list(body["flags"]) else [body["flags"]]
        return Fib(str(body["result"]), tuple(str(key) for key in keys))
    if kind == "socket" and isinstance(body, Mapping) and set(body) == {"key", "level"} and _is_number(body["level"]):
        return Cgroup(body["level"])
    if not isinstance(body, Mapping) or not all(isinstance(text, str) for text in body.values()):
        return UnknownExpression(shown(item))
    if kind == "meta" and set(body) == {"key"}:
        return Meta(body["key"])
    if kind == "payload" and set(body) == {"protocol", "field"}:
        return Payload(body["protocol"], body["field"])
    if kind == "ct" and set(body) in ({"key"}, {"key", "dir"}):
        return ConnTrack(body["key"], body.get("dir", ""))
    return UnknownExpression(shown(item))


def value(item: Any, depth: int = 0) -> Value:
    """Return the right side of a match, or an element without its timeout, counter and comment."""
    item = without_extras(item)
    if isinstance(item, bool) or depth > _DEEPEST:
        return UnknownValue(shown(item))
    if isinstance(item, int):
        return item
    if isinstance(item, str):
        return SetReference(item[1:]) if item.startswith("@") else item
    if is_list(item):
        return BitUnion(tuple(value(part, depth + 1) for part in item))
    if isinstance(item, Mapping) and len(item) == 1:
        ((kind, body),) = item.items()
        return _compound(kind, body, depth) or UnknownValue(shown(item))
    return UnknownValue(shown(item))


def _prefix(address: Any, length: Any) -> Prefix | None:
    return Prefix(address, length) if isinstance(address, str) and _is_number(length) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _compound(kind: str, body: Any, depth: int) -> Value | None:
    if kind == "set":
        return AnonymousSet(tuple(value(part, depth + 1) for part in (body if is_list(body) else [body])))
    if kind == "prefix" and isinstance(body, Mapping):
        return _prefix(body.get("addr"), body.get("len"))
    if not is_list(body):
        return None
    if kind == "range" and len(body) == 2 and all(_is_number(end) or isinstance(end, str) for end in body):
        return Range(body[0], body[1])
    if kind == "concat":
        return ConcatenatedValue(tuple(value(part, depth + 1) for part in body))
    return BitUnion(tuple(value(part, depth + 1) for part in body)) if kind == "|" else None


def without_extras(element: Any) -> Any:
    """Return an element's value: nft wraps it where it has a timeout, a counter or a comment."""
    wrapped = isinstance(element, Mapping) and isinstance(element.get("elem"), Mapping) and "val" in element["elem"]
    return element["elem"]["val"] if wrapped else element


def shown(item: Any, depth: int = 0) -> str:
    """Return JSON as a few words, for messages."""
    if depth > _DEEPEST:
        return "…"
    if isinstance(item, Mapping):
        return " ".join(
            # Names of parameters say nothing beside their values; the kind of an expression does.
            (f"{key} " if depth == 0 else "") + shown(inner, depth + 1)
            for key, inner in item.items()
        )
    return " ".join(shown(inner, depth + 1) for inner in item) if is_list(item) else str(item)


def is_list(item: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether an item is a JSON array."""
    return isinstance(item, Sequence) and not isinstance(item, str)
