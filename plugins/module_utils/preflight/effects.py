# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a foreign table does to packets that this host sends: its hooks, its rejections, its untracked packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List

from .foreign_tables import ForeignTable

OUTBOUND_HOOKS = ("output", "postrouting")
"""Hooks that everything a host sends passes."""

_REJECTING = ("drop", "reject")
_JUMPS = ("jump", "goto")

Rule = Dict[str, Any]
Rules = Dict[str, List[Rule]]
"""The rules of each chain, by its name, as nft's JSON has them."""


@dataclass(frozen=True)
class Effect:
    """What one table does.

    chains: its filter chains on OUTBOUND_HOOKS. rejects: why packets may end there, "" when none do. notrack: chains,
    as "family table chain", that exclude packets from connection tracking.
    """

    chains: tuple[str, ...] = ()
    rejects: str = ""
    notrack: tuple[str, ...] = ()


def effect(table: ForeignTable) -> Effect:
    """Return what a table does; a dormant one does nothing."""
    if table.dormant:
        return Effect()
    chains = {item["chain"]["name"]: item["chain"] for item in table.objects if "chain" in item}
    rules: Rules = {name: [] for name in chains}
    for item in table.objects:
        if "rule" in item:
            rules.setdefault(item["rule"]["chain"], []).append(item["rule"])
    bases = [
        name for name, chain in chains.items() if chain.get("hook") in OUTBOUND_HOOKS and chain.get("type") != "nat"
    ]
    untracked = [chain for chain, of_chain in rules.items() if _has_statement(of_chain, ("notrack",))]
    return Effect(
        chains=tuple(bases),
        rejects=_rejects(bases, chains, rules),
        notrack=tuple(f"{table.family} {table.name} {chain}" for chain in untracked),
    )


def _rejects(bases: list[str], chains: dict[str, dict[str, Any]], rules: Rules) -> str:
    for name in bases:
        if chains[name].get("policy") == "drop":
            return f"chain {name} has the policy drop"
    rejecting = [chain for chain in _reachable(bases, rules) if _has_statement(rules.get(chain, []), _REJECTING)]
    return f"rules in {', '.join(rejecting)} reject" if rejecting else ""


def _reachable(bases: list[str], rules: Rules) -> list[str]:
    """Return the chains that a packet can come to, breadth first."""
    visited: list[str] = []
    queue = list(bases)
    while queue:
        chain = queue.pop(0)
        if chain in visited:
            continue
        visited.append(chain)
        for rule in rules.get(chain, []):
            queue += [target for kind, target in _statements(rule.get("expr", [])) if kind in _JUMPS]
    return visited


def _has_statement(rules: list[Rule], kinds: tuple[str, ...]) -> bool:
    return any(kind in kinds for rule in rules for kind, _target in _statements(rule.get("expr", [])))


def _statements(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, target of a jump or "") of verdicts and notrack in an expression, also inside of verdict maps."""
    if isinstance(value, list):
        for item in value:
            yield from _statements(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in _JUMPS and isinstance(inner, dict):
                yield key, str(inner.get("target", ""))
            elif key in (*_REJECTING, "notrack"):
                yield key, ""
            else:
                yield from _statements(inner)
