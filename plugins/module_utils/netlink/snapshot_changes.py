# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a snapshot: age its elements, reset its counters, rename its table; and compare what does not count. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Callable, Collection, Iterator, Mapping, Sequence

from . import wire
from .elements import element_attribute, list_attributes
from .snapshot import (
    ELEMENTS,
    EXPRESSION_DATA,
    EXPRESSION_NAME,
    EXPRESSIONS,
    NAME,
    OBJECT,
    OBJECT_TYPE,
    OWNER,
    RULE,
    SET,
    TABLE,
    TableMessage,
    TableSnapshot,
)

_ELEMENT_LIST, _EXPIRATION, _ELEMENT_EXPRESSION, _ELEMENT_EXPRESSIONS = 3, 5, 7, 11
_OBJECT_DATA, _TABLE_FLAGS = 4, 2
_QUOTA_CONSUMED = 4
_EXPIRES = wire.attribute(_EXPIRATION, bytes(8))[:4]
"""What every such attribute begins with; the same bytes may be part of something else."""
_LOOKS_INTO = (b"lookup\0", b"dynset\0")
"""Expressions whose first attribute names a set."""

_NO_PACKETS = wire.attribute(wire.NFTA_COUNTER_BYTES, bytes(8)) + wire.attribute(wire.NFTA_COUNTER_PACKETS, bytes(8))
_STATE: dict[bytes, Callable[[bytes], bytes]] = {
    b"counter\0": lambda _data: _NO_PACKETS,
    b"last\0": lambda _data: b"",
    b"quota\0": lambda data: wire.without(data, {_QUOTA_CONSUMED}),
}
"""Expressions that count, with the data that they begin with."""

_OBJECT_STATE = {1: _STATE[b"counter\0"], 2: _STATE[b"quota\0"]}
"""The same by the type of an object."""


def aged(snapshot: TableSnapshot, seconds: float) -> TableSnapshot:
    """Return the table as it is that many seconds later: elements expire, others have less time left."""

    def age(element: bytes) -> bytes | None:
        left = wire.parse_attributes(element).get(_EXPIRATION)
        if left is None:
            return element
        later = int.from_bytes(left, "big") - int(seconds * 1000)
        shorter = later.to_bytes(8, "big") if later > 0 else b""
        return wire.change(element, lambda kind, value: shorter if kind == _EXPIRATION else value) if shorter else None

    messages = (_elements(each, age) if _may_expire(each) else each for each in snapshot.messages)
    return replace(snapshot, messages=tuple(messages))


def zeroed(snapshot: TableSnapshot) -> TableSnapshot:
    """Return the table with every counter at 0 and every quota unused."""
    return replace(snapshot, messages=tuple(map(zeroed_message, snapshot.messages)))


def renamed(snapshot: TableSnapshot, name: str) -> TableSnapshot:
    """Return the same table under another name, without flags."""

    def change(each: TableMessage) -> TableMessage:
        new = {OWNER: name.encode() + b"\0"}
        if each.kind == TABLE:
            new[_TABLE_FLAGS] = bytes(4)
        return replace(each, attributes=wire.change(each.attributes, new.get))

    return replace(snapshot, messages=tuple(map(change, snapshot.messages)))


def with_numbers(snapshot: TableSnapshot, live: TableSnapshot) -> TableSnapshot:
    """Return the table with the counter values of each rule and object that the live table has too."""
    stock: dict[TableMessage, list[TableMessage]] = {}
    for each in live.messages:
        stock.setdefault(zeroed_message(each), []).append(each)
    numbered = (
        matches.pop(0) if each.kind in (RULE, OBJECT) and (matches := stock.get(zeroed_message(each))) else each
        for each in snapshot.messages
    )
    return replace(snapshot, messages=tuple(numbered))


def holding(snapshot: TableSnapshot, live: TableSnapshot, names: Collection[str]) -> TableSnapshot:
    """Return a table that has also those sets of the live table that are dynamic or named, so that `put` keeps them."""
    sets = (each for each in live.of(SET) if each.is_dynamic or each.name in names)
    return replace(snapshot, messages=(*snapshot.messages, *sets))


def with_elements(snapshot: TableSnapshot, keys: Mapping[str, Sequence[bytes]]) -> TableSnapshot:
    """Return a table in which these sets, all in it, have exactly these plain elements. keys: by set, few of them."""
    messages: list[TableMessage] = []
    for each in snapshot.messages:
        if each.kind == ELEMENTS and each.name in keys:
            continue
        messages.append(each)
        if each.kind == SET and keys.get(each.name):
            head = snapshot.owner + wire.string_attribute(NAME[ELEMENTS], each.name)
            parts = list_attributes([element_attribute(key) for key in keys[each.name]])
            messages += [TableMessage(ELEMENTS, head + part) for part in parts]
    return replace(snapshot, messages=tuple(messages))


def digest(snapshot: TableSnapshot | None, others: Collection[str], *, expiring: bool = False) -> str:
    """Return a checksum of a table, "" for none. Equal ones: the same rules, declarations and elements of its own.

    It leaves out counters, the order and numbers of sets, and the elements of dynamic sets and of the sets that others
    names. expiring: include elements that expire, without their time left. It is the same after a reload.
    """
    if snapshot is None:
        return ""
    return hashlib.sha256(repr(sorted(_compared(snapshot, others, expiring))).encode()).hexdigest()


def _compared(
    snapshot: TableSnapshot, others: Collection[str], expiring: bool
) -> Iterator[tuple[int, str, int, bytes]]:
    """Yield kind, name, place among the rules of a chain, and content of all that a table must have."""
    contents = {
        each.name: [wire.without(each.attributes, {NAME[SET]})] for each in snapshot.of(SET) if each.is_anonymous
    }
    ignored = {each.name for each in snapshot.of(SET) if each.is_dynamic} | set(others)
    for each in snapshot.of(ELEMENTS):
        if each.name in contents:
            contents[each.name] += element_list(each)
    # An anonymous set has a number for a name, which another load gives to another set.
    owned = {name.encode() + b"\0": repr(sorted(parts)).encode() for name, parts in contents.items()}
    places: dict[str, int] = {}
    for each in map(zeroed_message, snapshot.messages):
        name = each.name
        if each.kind == RULE:
            places[name] = places.get(name, 0) + 1
            yield RULE, name, places[name], _with_contents(each, owned)
        elif each.kind != ELEMENTS:
            if name not in contents:
                yield each.kind, name, 0, each.attributes
        elif name not in ignored and name not in contents:
            may_expire = _may_expire(each)
            for element in element_list(each):
                lasting = wire.without(element, {_EXPIRATION}) if may_expire else element
                if expiring or lasting == element:
                    yield ELEMENTS, name, 0, lasting


def without_state(element: bytes) -> bytes:
    """Return an element without its time left, its counters at 0."""
    return wire.change(wire.without(element, {_EXPIRATION}), _zeroed_at(_ELEMENT_EXPRESSIONS))


def with_name(message: TableMessage, name: str) -> TableMessage:
    """Return the same object under another name."""
    own = NAME[message.kind]
    attributes = wire.change(message.attributes, lambda kind, value: name.encode() + b"\0" if kind == own else value)
    return replace(message, attributes=attributes)


def with_sets_renamed(rule: TableMessage, names: Mapping[str, str]) -> TableMessage:
    """Return a rule that looks into other sets. names: the new ones by the old ones."""
    renamed_sets = {old.encode() + b"\0": new.encode() + b"\0" for old, new in names.items()}
    return _with_set_names(rule, lambda name: renamed_sets.get(name, name))


def _with_contents(rule: TableMessage, owned: dict[bytes, bytes]) -> bytes:
    """Return a rule with the content of its anonymous sets in place of their names."""
    return _with_set_names(
        rule, lambda name: hashlib.sha256(owned[name]).digest() if name in owned else name
    ).attributes


def _with_set_names(rule: TableMessage, name_of: Callable[[bytes], bytes]) -> TableMessage:
    """Return a rule with other names of sets in the expressions that look into them."""

    def change(expression: bytes) -> bytes:
        if wire.parse_attributes(expression)[EXPRESSION_NAME] not in _LOOKS_INTO:
            return expression
        return wire.change(expression, lambda kind, data: named(data) if kind == EXPRESSION_DATA else data)

    def named(data: bytes) -> bytes:
        return wire.change(data, lambda kind, value: name_of(value) if kind == 1 else value)

    attributes = wire.change(
        rule.attributes,
        lambda kind, value: wire.change(value, lambda _kind, each: change(each)) if kind == EXPRESSIONS else value,
    )
    return replace(rule, attributes=attributes)


def zeroed_message(each: TableMessage) -> TableMessage:
    """Return a message with what it counts at its beginning."""
    if each.kind != OBJECT and not any(name in each.attributes for name in _STATE):
        # Most have nothing that counts, and there may be a hundred thousand elements.
        return each
    if each.kind == RULE:
        return replace(each, attributes=wire.change(each.attributes, _zeroed_at(EXPRESSIONS)))
    if each.kind == ELEMENTS:
        return _elements(each, lambda element: wire.change(element, _zeroed_at(_ELEMENT_EXPRESSIONS)))
    if each.kind == OBJECT:
        state = _OBJECT_STATE.get(int.from_bytes(each.by_type[OBJECT_TYPE], "big"))
        if state is not None:
            attributes = wire.change(each.attributes, lambda kind, data: state(data) if kind == _OBJECT_DATA else data)
            return replace(each, attributes=attributes)
    return each


def _zeroed_at(several: int) -> Callable[[int, bytes], bytes]:
    """Return the change of attributes of which one is a list of expressions, or of an element its only one."""

    def change(kind: int, value: bytes) -> bytes:
        if kind == several:
            return wire.change(value, lambda _kind, expression: _zeroed_expression(expression))
        return _zeroed_expression(value) if (kind, several) == (_ELEMENT_EXPRESSION, _ELEMENT_EXPRESSIONS) else value

    return change


def _zeroed_expression(expression: bytes) -> bytes:
    state = _STATE.get(wire.parse_attributes(expression)[EXPRESSION_NAME])
    if state is None:
        return expression
    return wire.change(expression, lambda kind, data: state(data) if kind == EXPRESSION_DATA else data)


def _may_expire(each: TableMessage) -> bool:
    return each.kind == ELEMENTS and _EXPIRES in each.attributes


def element_list(each: TableMessage) -> list[bytes]:
    """Return the elements in a message, each as its attributes."""
    return [element for _kind, element in wire.parse_list(each.by_type.get(_ELEMENT_LIST, b""))]


def _elements(each: TableMessage, change: Callable[[bytes], bytes | None]) -> TableMessage:
    """Return elements, each one changed, or left out where the change is None."""
    attributes = wire.change(
        each.attributes,
        lambda kind, value: (
            wire.change(value, lambda _kind, element: change(element)) if kind == _ELEMENT_LIST else value
        ),
    )
    return replace(each, attributes=attributes)
