# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages that make one table equal to another, and leave alone whatever both have. Pure.

Which rules both have is known by their handles: in the other table, a rule that stayed has the handle that it had.
Sets that gain elements come first and those that only lose some last, before the rules: the kernel changes sets of
intervals one after the other, in the order in which a transaction names them.
"""

from __future__ import annotations

from itertools import chain, count
from typing import Iterable, Iterator, Mapping

from . import elements, wire
from .declaration import NFT_SET_MAP, NFT_SET_OBJECT
from .errors import NetlinkError
from .handles import Place
from .snapshot import (
    APPEND,
    CHAIN,
    ELEMENTS,
    FLOWTABLE,
    NAME,
    OBJECT,
    OBJECT_TYPE,
    RULE,
    SET,
    SET_ID,
    TABLE,
    Request,
    TableMessage,
    TableSnapshot,
)
from .snapshot_changes import element_list, with_name, with_sets_renamed, without_state, zeroed_message

_RULE_HANDLE, _RULE_POSITION = 3, 6
_KEY_ATTRIBUTES = (1, 3, 10)  # key, flags, end of the key
_CHAIN_POLICY = 5
_CHANGED = "cannot be changed by single messages"


class _Side:
    """One of the tables, by what is looked up in it. named: chains, objects and sets by kind and label."""

    def __init__(self, snapshot: TableSnapshot) -> None:
        self.rules: dict[str, list[TableMessage]] = {}
        self.named: dict[int, dict[str, TableMessage]] = {kind: {} for kind in (CHAIN, OBJECT, SET)}
        self.anonymous: dict[str, TableMessage] = {}
        self._elements: dict[str, dict[bytes, bytes]] = {}
        for each in snapshot.messages:
            if each.kind == RULE:
                self.rules.setdefault(each.name, []).append(each)
            elif each.kind == ELEMENTS:
                held = self._elements.setdefault(each.name, {})
                held.update((without_state(element), element) for element in element_list(each))
            elif each.is_anonymous:
                self.anonymous[each.name] = each
            elif each.kind in self.named:
                # Objects of several types may have the same name.
                kind_of_object = each.by_type[OBJECT_TYPE].hex() if each.kind == OBJECT else ""
                self.named[each.kind][each.name + kind_of_object] = each

    def elements(self, name: str) -> dict[bytes, bytes]:
        """Return the elements of a set, by what they are without their time left and counters."""
        return self._elements.get(name, {})


def requests(
    before: TableSnapshot, after: TableSnapshot, handles: Mapping[Place, int], stayed: Mapping[Place, Place]
) -> list[Request]:
    """Return the transaction that makes the table `before` equal to `after`.

    handles: of the rules of `before`. stayed: the rules of `after` that are in `before` too, with their place there.
    Raise NetlinkError for a change of the table itself, of a flowtable, of a map's elements or of a dynamic set.
    """
    for kind in (TABLE, FLOWTABLE):
        if [*before.of(kind)] != [*after.of(kind)]:
            raise NetlinkError(f"the table or its flowtables {_CHANGED}")
    return [*_Transaction(after.owner, _Side(before), _Side(after), handles, stayed).requests()]


class _Transaction:
    def __init__(
        self, owner: bytes, old: _Side, new: _Side, handles: Mapping[Place, int], stayed: Mapping[Place, Place]
    ) -> None:
        self._owner, self._old, self._new = owner, old, new
        self._handles, self._stayed = handles, stayed
        self._set_ids = count(1)
        self._free_names = (
            name for name in map("__set{}".format, count()) if name not in {*old.anonymous, *new.anonymous}
        )

    def requests(self) -> Iterator[Request]:
        old, new = self._old.named, self._new.named
        yield from self._element_changes()
        yield from self._rules_deleted()
        for kind in (SET, CHAIN, OBJECT):
            yield from (self._deletion(each) for label, each in old[kind].items() if self._goes(kind, label))
        for kind in (OBJECT, CHAIN):
            for label, each in new[kind].items():
                # A chain whose policy alone differs is changed by what would make it.
                if self._is_made(kind, label) or (kind == CHAIN and each != old[kind][label]):
                    yield kind, wire.NLM_F_CREATE, each.attributes
        for name, each in new[SET].items():
            if self._is_made(SET, name):
                yield from self._set_made(each, self._new.elements(name).values())
        yield from self._rules_made()

    def _goes(self, kind: int, label: str) -> bool:
        """Return whether an object goes, for good or to be made again with another declaration."""
        before, after = self._old.named[kind][label], self._new.named[kind].get(label)
        if after is None:
            return True
        if kind == CHAIN:
            return wire.without(before.attributes, {_CHAIN_POLICY}) != wire.without(after.attributes, {_CHAIN_POLICY})
        differ = zeroed_message(before) != zeroed_message(after)
        if differ and before.is_dynamic:
            raise NetlinkError(f"the dynamic set {before.name} {_CHANGED}")
        return differ

    def _is_made(self, kind: int, label: str) -> bool:
        return label not in self._old.named[kind] or self._goes(kind, label)

    def _element_changes(self) -> Iterator[Request]:
        """Yield the changes of sets that stay: first of those that only gain, last of those that only lose elements."""
        gaining: list[Request] = []
        others: list[Request] = []
        losing: list[Request] = []
        for name, named_set in self._new.named[SET].items():
            if self._is_made(SET, name):
                continue
            before, after = self._old.elements(name), self._new.elements(name)
            gone = [element for key, element in before.items() if key not in after]
            come = [element for key, element in after.items() if key not in before]
            if (gone or come) and named_set.has(NFT_SET_MAP | NFT_SET_OBJECT):
                raise NetlinkError(f"the elements of the map {name} {_CHANGED}")
            into = gaining if not gone else others if come else losing
            into += self._listed(name, ELEMENTS + 2, 0, map(_key_of, gone))
            into += self._listed(name, ELEMENTS, wire.NLM_F_CREATE, sorted(come, key=_order))
        return chain(gaining, others, losing)

    def _listed(self, name: str, kind: int, flags: int, items: Iterable[bytes]) -> Iterator[Request]:
        encoded = (wire.attribute(elements.LIST_ELEM | wire.NLA_F_NESTED, item) for item in items)
        to_set = self._owner + wire.string_attribute(NAME[ELEMENTS], name)
        return ((kind, flags, to_set + part) for part in elements.list_attributes(encoded))

    def _rules_deleted(self) -> Iterator[Request]:
        stayed = {*self._stayed.values()}
        for name, rules in self._old.rules.items():
            in_chain = self._owner + wire.string_attribute(NAME[RULE], name)
            for at in range(len(rules)):
                if (RULE, name, at) not in stayed:
                    yield RULE + 2, 0, in_chain + _handle(_RULE_HANDLE, self._handles[RULE, name, at])

    def _deletion(self, each: TableMessage) -> Request:
        object_type = wire.attribute(OBJECT_TYPE, each.by_type[OBJECT_TYPE]) if each.kind == OBJECT else b""
        return each.kind + 2, 0, self._owner + wire.string_attribute(NAME[each.kind], each.name) + object_type

    def _set_made(self, declaration: TableMessage, held: Iterable[bytes]) -> Iterator[Request]:
        number = wire.attribute(SET_ID, next(self._set_ids).to_bytes(4, "big"))
        yield SET, wire.NLM_F_CREATE, declaration.attributes + number
        yield from self._listed(declaration.name, ELEMENTS, wire.NLM_F_CREATE, held)

    def _rules_made(self) -> Iterator[Request]:
        """Yield the new rules with their anonymous sets, each before the next rule that stayed, else at the end."""
        for chain_name, rules in self._new.rules.items():
            places = [(RULE, chain_name, at) for at in range(len(rules))]
            for at, rule in enumerate(rules):
                if places[at] in self._stayed:
                    continue
                own = [name for name in self._new.anonymous if name.encode() + b"\0" in rule.attributes]
                names = dict(zip(own, self._free_names))
                for name, free in names.items():
                    declaration = with_name(self._new.anonymous[name], free)
                    yield from self._set_made(declaration, self._new.elements(name).values())
                made = with_sets_renamed(rule, names).attributes
                following = next((self._stayed[place] for place in places[at:] if place in self._stayed), None)
                if following is None:
                    yield RULE, wire.NLM_F_CREATE | APPEND, made
                else:
                    yield RULE, wire.NLM_F_CREATE, made + _handle(_RULE_POSITION, self._handles[following])


def _handle(kind: int, handle: int) -> bytes:
    return wire.attribute(kind, handle.to_bytes(8, "big"))


def _key_of(element: bytes) -> bytes:
    return wire.change(element, lambda kind, value: value if kind in _KEY_ATTRIBUTES else None)


def _order(element: bytes) -> tuple[bytes, bool]:
    """Order the ends of intervals by key, that of one before the start of the next: so the kernel takes them."""
    parts = wire.parse_attributes(element)
    flags = int.from_bytes(parts.get(elements.FLAGS, b""), "big")
    return parts.get(elements.KEY, b""), not flags & elements.INTERVAL_END
