# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as nft lists it in JSON with numbers only (`nft -nn -j list table`), typed as far as the proof needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VERDICTS = ("accept", "drop", "reject", "queue", "return", "jump", "goto")


@dataclass(frozen=True)
class Chain:
    """Its rules, each a list of nft's statements. hook: "" for one that is only jumped to. kind: filter, nat, route."""

    name: str
    rules: tuple[Sequence[Mapping[str, Any]], ...] = ()
    hook: str = ""
    kind: str = "filter"
    policy: str = "accept"


@dataclass(frozen=True)
class Table:
    """sets: elements of sets and maps by name, as listed. dormant: the kernel sends it no packet."""

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    dormant: bool = False

    def base_chains(self, hook: str) -> list[Chain]:
        """The chains at a hook that decide about packets. nat and route chains pass on all that they do not drop."""
        return [chain for chain in self.chains.values() if chain.hook == hook and not self.dormant]


def table_of(listing: Mapping[str, Any]) -> Table:
    """The one table of a listing. Raises KeyError, TypeError or ValueError for what is none."""
    objects = [(kind, found) for item in listing["nftables"] for kind, found in item.items()]
    tables = [found for kind, found in objects if kind == "table"]
    if len(tables) != 1:
        raise ValueError(f"{len(tables)} tables where one was listed")
    rules: dict[str, list[Sequence[Mapping[str, Any]]]] = {}
    for kind, found in objects:
        if kind == "rule":
            rules.setdefault(found["chain"], []).append(found["expr"])
    chains = {
        found["name"]: Chain(
            found["name"],
            tuple(rules.get(found["name"], ())),
            str(found.get("hook", "")),
            str(found.get("type", "filter")),
            str(found.get("policy", "accept")),
        )
        for kind, found in objects
        if kind == "chain"
    }
    sets = {found["name"]: found.get("elem", []) for kind, found in objects if kind in ("set", "map")}
    return Table(tables[0]["family"], tables[0]["name"], chains, sets, _dormant(tables[0].get("flags", ())))


def _dormant(flags: Any) -> bool:
    """Raises ValueError where nft does not say it: up to 1.0.6 it writes the family in the place of any flag."""
    found = {flags} if isinstance(flags, str) else set(flags)
    if strange := found - {"dormant", "owner", "persist"}:
        raise ValueError(f"its flags are {', '.join(sorted(strange))}, so nobody knows whether it is dormant")
    return "dormant" in found


def plain_element(element: Any) -> Any:
    """An element without its timeout, counter and comment."""
    return element["elem"]["val"] if isinstance(element, Mapping) and "elem" in element else element
