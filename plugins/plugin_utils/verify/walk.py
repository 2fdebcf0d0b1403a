# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of every flow at once through a chain, in one situation: what must pass, and what may, for every owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    Chain,
    Concatenation,
    Match,
    NotModelled,
    OtherStatement,
    Payload,
    Rule,
    Table,
    Verdict,
    VerdictMap,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, Region

from .inert import DEEPEST, HARMLESS, MAY_END, SOURCE_NAT, accepts_all, is_inert
from .matches import EVERY_FLOW, PERHAPS, FlowBox, Situation, boxes_of_key, boxes_of_match
from .packet_kinds import PacketKind, is_asked, passing_anyway

EMPTY, ALL_FLOWS = Reach(), Reach.of_region(SPACE)


@dataclass(frozen=True)
class Bounds:
    """A set of flows that is not known exactly. must: flows that are in it. may: those that can be in it."""

    must: Reach = EMPTY
    may: Reach = EMPTY

    def __or__(self, other: Bounds) -> Bounds:
        return Bounds(self.must | other.must, self.may | other.may)

    def __and__(self, flows: Reach | Region) -> Bounds:
        return Bounds(self.must & flows, self.may & flows)

    def with_region(self, must: Region, may: Region | None = None) -> Bounds:
        """Return the set with flows of everybody in it. may: those that can be in it, where they are not the same."""
        return Bounds(self.must | must, self.may | (must if may is None else may))

    def __bool__(self) -> bool:
        return bool(self.may)

    @property
    def unknown(self) -> Reach:
        """The flows that may be in it or not."""
        return self.may - self.must


@dataclass(frozen=True)
class Outcome:
    """What becomes of the flows of a box. reason: what could not be modelled, for a verdict of None."""

    box: FlowBox
    verdict: Verdict | None
    reason: str = ""


@dataclass
class ChainWalk:
    """One situation's walk through a table.

    rejecting: chains that count as a rejection. reasons: what could not be modelled, in the order in which it came.
    """

    table: Table
    situation: Situation
    rejecting: frozenset[str] = frozenset()
    accepted: Bounds = field(default_factory=Bounds)
    reasons: dict[str, None] = field(default_factory=dict)

    def base(self, chain: Chain, incoming: Reach = ALL_FLOWS) -> Bounds:
        """Return the part of `incoming` that a base chain lets go on."""
        family = FAMILIES.get(self.table.family, FAMILIES["inet"])
        own = incoming & _flows([FlowBox(family)])
        at_end = self._chain(chain.name, Bounds(own, own), 0)
        if chain.policy == "accept":
            self.accepted |= at_end
        # Packets of the other family never come here.
        return self.accepted | Bounds(incoming - own, incoming - own)

    def _chain(self, name: str, live: Bounds, depth: int) -> Bounds:
        """Return what leaves a chain at its end or by a return."""
        chain = self.table.chains.get(name)
        if chain is None or depth > DEEPEST:
            self.reasons[f"the chain {name}"] = None
            return Bounds(EMPTY, live.may)
        returned = Bounds()
        accepting: list[FlowBox] = []
        for rule in chain.rules:
            if not live:
                break
            for outcome in self._outcomes(rule):
                verdict, box = outcome.verdict, outcome.box
                if verdict and verdict.kind == "jump" and is_inert(self.table, verdict.target):
                    continue
                if verdict and verdict.kind == "accept" and box.certain:
                    accepting.append(box)
                    continue
                if verdict and verdict.kind == "accept":
                    # A flow that does not fit goes on, so what must pass further on must pass for all of them.
                    self.accepted |= Bounds(EMPTY, live.may & _flows([box]))
                    continue
                live = self._accept(live, accepting)
                fitting, live = _split(live, box)
                back, left = self._decide(fitting, outcome, depth)
                live, returned = live | back, returned | left
        return returned | self._accept(live, accepting)

    def _decide(self, fitting: Bounds, outcome: Outcome, depth: int) -> tuple[Bounds, Bounds]:
        """Return (what comes back to the next rule, what leaves the chain) of the flows that fit a rule."""
        nothing = Bounds()
        verdict = outcome.verdict
        if not fitting or (verdict and verdict.kind in ("drop", "reject")):
            return nothing, nothing
        if verdict and verdict.kind == "return":
            return nothing, fitting
        if verdict and verdict.kind in ("jump", "goto"):
            out = nothing if verdict.target in self.rejecting else self._chain(verdict.target, fitting, depth + 1)
            return (out, nothing) if verdict.kind == "jump" else (nothing, out)
        if verdict is None or verdict.kind != "accept":
            self.reasons.setdefault(outcome.reason or _reason(verdict))
            fitting = Bounds(EMPTY, fitting.may)
        self.accepted |= fitting
        return nothing, nothing

    def _accept(self, live: Bounds, accepting: list[FlowBox]) -> Bounds:
        """Accept what consecutive rules accept, at once: their order does not matter. Return what goes on."""
        if not accepting or not live:
            accepting.clear()
            return live
        fitting = _flows(accepting)
        accepting.clear()
        self.accepted |= Bounds(live.must & fitting, live.may & fitting)
        return Bounds(live.must - fitting, live.may - fitting)

    def _outcomes(self, rule: Rule) -> Iterator[Outcome]:
        """Yield the outcomes of a rule: several for a set of concatenations or a map, none without a verdict."""
        boxes = [EVERY_FLOW]
        for statement in rule.statements:
            if isinstance(statement, Verdict):
                accepted = statement.kind == "goto" and accepts_all(self.table, statement.target)
                verdict = Verdict("accept") if accepted else statement
                yield from (Outcome(box, verdict) for box in boxes)
                return
            if isinstance(statement, VerdictMap):
                for box in boxes:
                    yield from self._mapped(box, statement)
                return
            if isinstance(statement, OtherStatement) and statement.name in SOURCE_NAT:
                yield from (Outcome(box, Verdict("accept")) for box in boxes)
                return
            if isinstance(statement, OtherStatement) and statement.name not in (*MAY_END, *HARMLESS):
                # Extensions of iptables, rewritten addresses and all that nft will learn: it may end here, or go on.
                yield from (Outcome(box & PERHAPS, None, f"the statement {statement.name}") for box in boxes)
            fitting = self._fitting(statement, rule)
            boxes = [both for box in boxes for other in fitting if (both := box & other)]
            if not boxes:
                return
            if isinstance(statement, Match) and _asks_any_ports(statement) and not all(box.certain for box in boxes):
                self._unknown("ports of a protocol that has none", rule)

    def _fitting(self, statement: Match | OtherStatement, rule: Rule) -> list[FlowBox]:
        """Return the flows for which a rule goes on behind a statement."""
        if isinstance(statement, OtherStatement):
            if statement.name in HARMLESS:
                return [EVERY_FLOW]
            return [self._unknown(f"the statement {statement.name}", rule) if statement.name in MAY_END else PERHAPS]
        try:
            return boxes_of_match(self.table, self.situation, statement)
        except NotModelled as error:
            return [self._unknown(str(error), rule)]

    def _mapped(self, box: FlowBox, verdict_map: VerdictMap) -> Iterator[Outcome]:
        try:
            for key, verdict in self.table.pairs(verdict_map):
                for box_of_key in boxes_of_key(self.table, self.situation, verdict_map.key, key):
                    if fitting := box & box_of_key:
                        yield Outcome(fitting, verdict)
        except NotModelled as error:
            yield Outcome(box & PERHAPS, None, f"a map: {error}")

    def _unknown(self, what: str, rule: Rule) -> FlowBox:
        """Note a reason only where it decides: a rule without a verdict changes nothing, whatever is in it."""
        if any(isinstance(statement, Verdict | VerdictMap) for statement in rule.statements):
            self.reasons[what] = None
        return PERHAPS


def _asks_any_ports(match: Match) -> bool:
    """Return whether a match reads ports without asking for a protocol."""
    parts = match.left.parts if isinstance(match.left, Concatenation) else (match.left,)
    return any(isinstance(part, Payload) and part.protocol == "th" for part in parts)


def _reason(verdict: Verdict | None) -> str:
    if verdict is None:
        return "a statement"
    return "a program decides (queue)" if verdict.kind == "queue" else f"the verdict {verdict.kind}"


def desired_of(
    policy: ResolvedPolicy, kind: PacketKind, asked: Bounds, source_port: int, *, forwarded: bool = False
) -> Bounds:
    """Return the packets of a kind that the policy lets through. asked: what it lets through of new connections."""
    must, may = passing_anyway(policy, kind, source_port, forwarded=forwarded)
    return (asked if is_asked(kind) else Bounds()).with_region(must, may)


def _split(live: Bounds, box: FlowBox) -> tuple[Bounds, Bounds]:
    """Return (the flows that fit a rule, those that go on)."""
    fitting = _flows([box])
    may = live.may & fitting
    if not box.certain:
        return Bounds(EMPTY, may), Bounds(live.must - fitting, live.may)
    return Bounds(live.must & fitting, may), Bounds(live.must - fitting, live.may - fitting)


def _flows(boxes: Iterable[FlowBox]) -> Reach:
    return Reach.of((box.addresses, box.services, box.owners) for box in boxes)
