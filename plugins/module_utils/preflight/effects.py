# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a foreign table does to packets that this host sends: its hooks, its refusals, what it takes from tracking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

from .tables import Foreign

SENDING = ("output", "postrouting")
"""Hooks that everything a host sends passes."""

_REFUSING = ("drop", "reject")
_GOING = ("jump", "goto")


@dataclass(frozen=True)
class Effect:
    """What one table does. chains: its chains on the hooks of SENDING; refuses: why packets may end there, "" if none.

    notrack: its rules that take packets from connection tracking.
    """

    chains: tuple[str, ...] = ()
    refuses: str = ""
    notrack: tuple[str, ...] = ()


def effect(table: Foreign) -> Effect:
    """Return what a table does; a dormant one does nothing."""
    if table.dormant:
        return Effect()
    chains = {item["chain"]["name"]: item["chain"] for item in table.objects if "chain" in item}
    rules: dict[str, list[dict[str, Any]]] = {name: [] for name in chains}
    for item in table.objects:
        if "rule" in item:
            rules.setdefault(item["rule"]["chain"], []).append(item["rule"])
    bases = [name for name, chain in chains.items() if chain.get("hook") in SENDING and chain.get("type") != "nat"]
    why = next((f"chain {name} has the policy drop" for name in bases if chains[name].get("policy") == "drop"), "")
    if not why:
        refusing = [chain for chain in _reached(bases, rules) if _has(rules.get(chain, []), _REFUSING)]
        why = f"rules in {', '.join(refusing)} refuse" if refusing else ""
    untracked = [chain for chain, listed in rules.items() if _has(listed, ("notrack",))]
    return Effect(tuple(bases), why, tuple(f"{table.family} {table.name} {chain}" for chain in untracked))


def _reached(bases: list[str], rules: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the chains that a packet can come to, in the order of finding them."""
    found: list[str] = []
    waiting = list(bases)
    while waiting:
        chain = waiting.pop(0)
        if chain in found:
            continue
        found.append(chain)
        for rule in rules.get(chain, []):
            waiting += [target for kind, target in _verdicts(rule.get("expr", [])) if kind in _GOING]
    return found


def _has(rules: list[dict[str, Any]], kinds: tuple[str, ...]) -> bool:
    return any(kind in kinds for rule in rules for kind, _target in _verdicts(rule.get("expr", [])))


def _verdicts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every statement of interest in an expression, those inside of verdict maps too, with a jump's target."""
    if isinstance(value, list):
        for item in value:
            yield from _verdicts(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in _GOING and isinstance(inner, dict):
                yield key, str(inner.get("target", ""))
            elif key in (*_REFUSING, "notrack"):
                yield key, ""
            else:
                yield from _verdicts(inner)
