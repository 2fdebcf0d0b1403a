# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of every flow through a chain at once, in the situation of one user: what surely passes, and what may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)

from .listing import VERDICTS, Chain, Table, plain_element
from .matches import ALL, FAMILIES, PERHAPS, Situation, Taken, Unreadable, elements, of_keys, taken

# Statements that let every packet go on, and those that may end their rule for some.
_HARMLESS = ("counter", "log", "last")
_PERHAPS = ("limit", "quota", "set", "map", "meter", "ct count")
_DEEPEST = 32


@dataclass(frozen=True)
class Bounds:
    """sure: the flows that are in it for certain. most: those that may be."""

    sure: Region = EMPTY
    most: Region = EMPTY

    def __or__(self, other: Bounds) -> Bounds:
        return Bounds(self.sure | other.sure, self.most | other.most)

    def __bool__(self) -> bool:
        return bool(self.most)

    @property
    def unknown(self) -> Region:
        """What may be in it, and may not."""
        return self.most - self.sure


@dataclass
class Walk:
    """One situation's way through a table. stop: chains that count as refusals. why: what could not be modelled."""

    table: Table
    situation: Situation
    stop: frozenset[str] = frozenset()
    accepted: Bounds = field(default_factory=Bounds)
    why: dict[str, None] = field(default_factory=dict)

    def base(self, chain: Chain, given: Region = SPACE) -> Bounds:
        """What leaves a base chain towards the network, of what comes to it."""
        family = FAMILIES.get(self.table.family, FAMILIES["inet"])
        everything = given & of_boxes([(family, services.ANY)])
        other = given - everything
        out = self._chain(chain.name, Bounds(everything, everything), 0)
        if chain.policy == "accept":
            self.accepted |= out
        # Packets of the other family never come here.
        return self.accepted | Bounds(other, other)

    def _chain(self, name: str, live: Bounds, depth: int) -> Bounds:
        """What comes out of a chain: its end, or a return."""
        chain = self.table.chains.get(name)
        if chain is None or depth > _DEEPEST:
            self.why[f"the chain {name}"] = None
            return Bounds(EMPTY, live.most)
        back = Bounds()
        accepting: list[Taken] = []
        for rule in chain.rules:
            for found, verdict, target in self._rule(rule):
                if verdict == "jump" and self._inert(target, 0):
                    continue
                if verdict == "accept" and found.sure:
                    accepting.append(found)
                    continue
                if verdict == "accept":
                    # Whoever is not taken goes on, so whatever is sure of him there is sure of all of them.
                    self.accepted |= Bounds(EMPTY, live.most & of_boxes([(found.addresses, found.services)]))
                    continue
                live = self._accept(live, accepting)
                matched, live = _split(live, found)
                on, returned = self._decided(matched, verdict, target, depth)
                live, back = live | on, back | returned
        return back | self._accept(live, accepting)

    def _decided(self, matched: Bounds, verdict: str, target: str, depth: int) -> tuple[Bounds, Bounds]:
        """(what comes back to the next rule, what leaves the chain) of what a rule takes."""
        nothing = Bounds()
        if not matched or verdict in ("drop", "reject"):
            return nothing, nothing
        if verdict == "return":
            return nothing, matched
        if verdict in ("jump", "goto"):
            out = nothing if target in self.stop else self._chain(target, matched, depth + 1)
            return (out, nothing) if verdict == "jump" else (nothing, out)
        if verdict != "accept":
            self.why.setdefault("a program decides (queue)" if verdict == "queue" else target)
            matched = Bounds(EMPTY, matched.most)
        self.accepted |= matched
        return nothing, nothing

    def _accept(self, live: Bounds, accepting: list[Taken]) -> Bounds:
        """Rules that accept, one after another, as one: their order does not matter."""
        if not accepting or not live:
            accepting.clear()
            return live
        found = of_boxes((one.addresses, one.services) for one in accepting)
        accepting.clear()
        self.accepted |= Bounds(live.sure & found, live.most & found)
        return Bounds(live.sure - found, live.most - found)

    def _rule(self, rule: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Taken, str, str]]:
        """(what, verdict, chain) of a rule: several for a set of concatenations or a verdict map, none without one."""
        found = [ALL]
        for statement in rule:
            kind, about = next(iter(statement.items()))
            if kind in VERDICTS:
                yield from ((one, kind, about["target"] if kind in ("jump", "goto") else "") for one in found)
                return
            if kind == "vmap":
                for one in found:
                    yield from self._map(one, about)
                return
            if kind == "match" or kind in _PERHAPS or kind in _HARMLESS:
                also = self._statement(kind, about, rule)
            else:
                # Extensions of iptables, rewritten addresses and whatever there will be: it may end here, or go on.
                also = [PERHAPS]
                yield from ((one & PERHAPS, "unknown", f"the statement {kind}") for one in found)
            found = [both for one in found for other in also if (both := one & other)]
            if not found:
                return

    def _statement(self, kind: str, about: Any, rule: Sequence[Mapping[str, Any]]) -> list[Taken]:
        if kind in _HARMLESS:
            return [ALL]
        if kind in _PERHAPS:
            return [self._unknown(f"the statement {kind}", rule)]
        try:
            return taken(self.table, self.situation, about)
        except Unreadable as error:
            return [self._unknown(str(error), rule)]

    def _inert(self, name: str, depth: int) -> bool:
        """Does everything that goes into this chain come back, whatever its matches say, as of a ledger?"""
        chain = self.table.chains.get(name)
        if chain is None or depth > _DEEPEST:
            return False
        for rule in chain.rules:
            for statement in rule:
                kind, about = next(iter(statement.items()))
                back = kind in ("match", "return") or kind in _HARMLESS or kind in _PERHAPS
                if not back and not (kind == "jump" and self._inert(about["target"], depth + 1)):
                    return False
        return True

    def _map(self, found: Taken, about: Any) -> Iterator[tuple[Taken, str, str]]:
        try:
            for key, verdict in elements(self.table, about["data"]):
                one = found & of_keys(self.table, self.situation, about["key"], plain_element(key))
                kind, detail = next(iter(verdict.items()))
                if one:
                    yield one, kind, detail["target"] if kind in ("jump", "goto") else ""
        except (Unreadable, ValueError, TypeError) as error:
            yield found & PERHAPS, "unknown", f"a map: {error}"

    def _unknown(self, what: str, rule: Sequence[Mapping[str, Any]]) -> Taken:
        """Only where it decides: a rule without a verdict may have in it what it likes."""
        if any(kind in VERDICTS or kind == "vmap" for statement in rule for kind in statement):
            self.why[what] = None
        return PERHAPS


def _split(live: Bounds, found: Taken) -> tuple[Bounds, Bounds]:
    """What a rule takes of the flows that come to it, and what goes on."""
    box = of_boxes([(found.addresses, found.services)])
    most = live.most & box
    if not found.sure:
        return Bounds(EMPTY, most), Bounds(live.sure - box, live.most)
    return Bounds(live.sure & box, most), Bounds(live.sure - box, live.most - box)
