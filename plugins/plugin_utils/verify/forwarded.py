# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that the host forwards, those of its containers above all: what tables do to them, and what the policy says.

A forwarded packet has no owner on this host, and nothing is forwarded to loopback addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import DENIED_CHAIN, SOURCES_CHAIN
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    Chain,
    Fib,
    Match,
    Meta,
    Statement,
    Table,
    UnknownValue,
    Verdict,
    VerdictMap,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    LOOPBACK,
    PORTED,
    FloorScope,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE

from . import hooks
from .difference import TOO_LITTLE, UNKNOWN, Difference, DifferenceCollector
from .interfaces import interface_pairs
from .matches import Owners, Situation
from .ruleset import LiveRuleset
from .situations import UNNAMED_PORT, kinds, questions, source_ports
from .walk import ALL_FLOWS, Bounds, ChainWalk, desired_of

HOOK = "forward"
FORWARDED = "forwarded packets"
_FORWARDABLE = ALL_FLOWS - of_boxes([(LOOPBACK, services.ANY)])


def own_differences(policy: ResolvedPolicy, ruleset: LiveRuleset, table: Table) -> list[Difference]:
    """Return how our table differs from the policy about containers, and from passing on all else that is forwarded.

    Raises NotModelled.
    """
    chains = table.chains_at(HOOK)
    if policy.containers is None and not chains:
        return []
    collector = DifferenceCollector(f"{table.family} {table.name}")
    collector.differences += _source_differences(policy, table)
    pairs = list(interface_pairs(table, policy.container_interfaces))
    reached = _reached(table, chains)
    for port in source_ports([reached]):
        floor = FloorScope(source_port=port)
        must, may = (passing(policy, floor=floor, containers=True, may=may) for may in (False, True))
        for pair, kind, (rejecting, extra) in product(pairs, kinds(reached), questions(policy)):
            incoming = _FORWARDABLE & (kind.packets if port == 0 else kind.packets & PORTED)
            situation = Situation(Owners(), port, ruleset.now, pair.outgoing, incoming=pair.incoming, kind=kind)
            desired = Bounds(ALL_FLOWS, ALL_FLOWS)
            if pair.filtered:
                desired = desired_of(policy, kind, Bounds(must, may), port, forwarded=True).with_region(extra)
            live, reasons = _through(table, chains, situation, incoming, rejecting)
            collector.compare([(None, ELSEWHERE, pair.label)], port, live, desired & incoming, reasons, way=str(kind))
    return collector.differences


def _source_differences(policy: ResolvedPolicy, table: Table) -> Iterator[Difference]:
    """Yield that SOURCES_CHAIN differs: which sources are behind an interface only the host's routes know."""
    chain = table.chains.get(SOURCES_CHAIN)
    rules = [rule.statements for rule in chain.rules] if chain else []
    if policy.containers is not None and rules != [_of_elsewhere(bridge) for bridge in policy.container_interfaces]:
        reasons = (f"the rules of {SOURCES_CHAIN}",)
        yield Difference(kind=UNKNOWN, table=f"{table.family} {table.name}", region=SPACE, reasons=reasons)


def _of_elsewhere(bridge: str) -> tuple[Statement, ...]:
    missing = Match(Fib("oif", ("saddr", "iif")), "==", UnknownValue(str(False)))
    return Match(Meta("iifname"), "==", bridge), missing, Verdict("goto", DENIED_CHAIN)


def _reached(table: Table, chains: Sequence[Chain]) -> Table:
    """Return the table with the chains that these packets come to: what others tell apart is no matter here."""
    names = [chain.name for chain in chains]
    for name in names:
        chain = table.chains.get(name)
        for statement in [statement for rule in chain.rules for statement in rule.statements] if chain else []:
            verdicts = [statement] if isinstance(statement, Verdict) else []
            if isinstance(statement, VerdictMap):
                verdicts = [verdict for _key, verdict in table.pairs(statement)]
            names += [verdict.target for verdict in verdicts if verdict.target and verdict.target not in names]
    return replace(table, chains={name: table.chains[name] for name in names if name in table.chains})


def other_differences(policy: ResolvedPolicy, ruleset: LiveRuleset, table: Table) -> Iterator[Difference]:
    """Yield what another table rejects, or may reject, of what the policy allows to containers. Raises NotModelled.

    Without a policy about containers: of all that is forwarded, whatever the interfaces.
    """
    chains = [chain for hook in hooks.FORWARDED for chain in table.chains_at(hook)]
    name = f"{table.family} {table.name}"
    allowed = passing(policy, containers=True) & _FORWARDABLE
    for situation, label in _situations(policy, ruleset, table) if chains else ():
        live, reasons = _through(table, chains, situation, _FORWARDABLE)
        if rejected := allowed - live.may:
            yield Difference(kind=TOO_LITTLE, table=name, users=(label,), region=rejected.nobody)
        if unknown := allowed & live.unknown:
            yield Difference(kind=UNKNOWN, table=name, users=(label,), region=unknown.nobody, reasons=tuple(reasons))


def _situations(policy: ResolvedPolicy, ruleset: LiveRuleset, table: Table) -> list[tuple[Situation, str]]:
    if policy.containers is None:
        return [(Situation(Owners(), UNNAMED_PORT, ruleset.now), FORWARDED)]
    return [
        (Situation(Owners(), UNNAMED_PORT, ruleset.now, pair.outgoing, incoming=pair.incoming), pair.label)
        for pair in interface_pairs(table, policy.container_interfaces)
        if pair.filtered
    ]


def _through(
    table: Table,
    chains: Sequence[Chain],
    situation: Situation,
    incoming: Reach,
    rejecting: frozenset[str] = frozenset(),
) -> tuple[Bounds, list[str]]:
    """Return what passes all chains of a table at the hook, and what could not be modelled."""
    live, reasons = Bounds(incoming, incoming), list[str]()
    for chain in chains:
        walk = ChainWalk(table, situation, rejecting)
        passed = walk.base(chain, incoming)
        live = Bounds(live.must & passed.must, live.may & passed.may)
        reasons += [reason for reason in walk.reasons if reason not in reasons]
    return live, reasons
