# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of nftables (libnftables-json(5)) in the shape of model.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    Match,
    NotModelled,
    Rule,
    Statement,
    Table,
    Verdict,
    VerdictMap,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import UnreadableListing, read_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from . import nft_matches
from .model import BaseChain, FirewallRule, FirewallTable, FlowSet, RuleVerdict

HOOKS = ("output", "postrouting")
_VERDICTS: dict[str, RuleVerdict] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
    "queue": "drop",
    "jump": "jump",
    "goto": "goto",
    "continue": "",
}
_PASSING = ("counter", "log", "mangle", "notrack", "ct helper", "ct timeout", "set", "map", "last", "dup", "flow")
"""Statements after which a rule goes on for every packet."""
_CONDITIONS = ("limit", "quota", "meter", "ct count")
"""Statements after which a rule goes on for some packets, and the next rule is asked about the others."""


@dataclass
class _Alternatives:
    """A rule half way: the flows that are still in it, and the alternatives that have their verdict."""

    flows: list[FlowSet]
    decided: list[tuple[FlowSet, Verdict]] = field(default_factory=list)


def read(where: str, family: str, objects: Any) -> FirewallTable:
    """Return one table; what cannot be read is in its ``unread``."""
    try:
        table = read_table(family, where, objects)
    except UnreadableListing as error:
        return FirewallTable(where, family, {}, (), (f"{where}: its listing cannot be read: {error}",))
    bases = tuple(
        BaseChain(chain.name, chain.policy)
        for chain in table.chains.values()
        if chain.hook in HOOKS and chain.kind != "nat"
    )
    if family not in FAMILIES:
        return FirewallTable(where, family, {}, (), (f"{where}: its family is not IP",) if bases else ())
    chains = {
        name: tuple(
            alternative
            for number, rule in enumerate(chain.rules, start=1)
            for alternative in _rules(_title(where, name, number, rule), table, rule)
        )
        for name, chain in table.chains.items()
    }
    changing = sorted(name for name, named_set in table.sets.items() if named_set.changing)
    unread = tuple(f"{where}: the elements of the set {name} come and go" for name in changing) if bases else ()
    return FirewallTable(where, family, chains, bases, unread)


def _title(where: str, chain: str, number: int, rule: Rule) -> str:
    return f"{where}, chain {chain}, rule {number}" + (f' "{rule.comment}"' if rule.comment else "")


def _rules(title: str, table: Table, rule: Rule) -> list[FirewallRule]:
    seen: AddressSet = FAMILIES[table.family]
    alternatives = _Alternatives([FlowSet(seen)])
    for statement in rule.statements:
        _apply(alternatives, table, statement)
    rules = [
        FirewallRule(title, flows, _VERDICTS[verdict.kind], verdict.target) for flows, verdict in alternatives.decided
    ]
    return rules or [FirewallRule(title, None, "")]


def _apply(alternatives: _Alternatives, table: Table, statement: Statement) -> None:
    match statement:
        case Match():
            fitting = _or_doubt(lambda: nft_matches.flows_of_match(table, statement))
            alternatives.flows = [both for flows in alternatives.flows for other in fitting if (both := flows & other)]
        case VerdictMap():
            alternatives.decided += [
                (both, verdict)
                for fitting, verdict in _mapped(table, statement)
                for flows in alternatives.flows
                if (both := flows & fitting)
            ]
        case Verdict():
            alternatives.decided += [(flows, statement) for flows in alternatives.flows]
        case other if other.name not in _PASSING:
            alternatives.flows = [flows.doubt(other.name) for flows in alternatives.flows]
            if other.name not in _CONDITIONS:
                # It may end here, as a target of iptables does: what may be rejected must not be drafted.
                alternatives.decided += [(flows, Verdict("drop")) for flows in alternatives.flows]


def _or_doubt(read: Callable[[], list[FlowSet]]) -> list[FlowSet]:
    """Return what is read, or everything under a doubt where it is not modelled."""
    try:
        return read()
    except NotModelled as error:
        return [FlowSet().doubt(str(error))]


def _mapped(table: Table, verdict_map: VerdictMap) -> Iterator[tuple[FlowSet, Verdict]]:
    """Yield the flows that fit each key of a map, with its verdict."""
    try:
        pairs = table.pairs(verdict_map)
    except NotModelled as error:
        # Nobody knows what the map decides; a rejection is what makes no entry wider.
        yield FlowSet().doubt(str(error)), Verdict("drop")
        return
    for key, verdict in pairs:
        for flows in _or_doubt(lambda key=key: nft_matches.flows_of_key(verdict_map.key, key)):  # type: ignore[misc]
            yield flows, verdict
