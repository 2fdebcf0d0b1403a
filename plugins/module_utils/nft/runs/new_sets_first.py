# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New sets of intervals are filled before the rules that look into them come.

In the kernel, rules change for packets at the beginning of a commit, what sets of intervals hold at its end
(nf_tables_commit(): gencursor, then nft_set_commit_update(); concatenated ones since Linux 5.6, all since the binary
search in nft_set_rbtree). In between, the rule finds a new set empty: some 7 microseconds, with 10,000 elements 2.5
milliseconds (Linux 6.18, measured), in which what it allows is refused. A set that nothing refers to yet changes
nothing for packets, so it can come in a commit of its own.
"""

from __future__ import annotations

import contextlib
from typing import Sequence, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import Command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import sets_in

from .planning import RunPlan

Script = Tuple[Command, ...]

_LONGEST_HEAD = 400
"""Characters in which a command has named what it is about: family, table, name."""


def scripts(work: RunPlan) -> tuple[Script, ...]:
    """Return the transactions that a work takes: all in one, or new sets and then the rest."""
    places = _new_sets(work)
    # For a table that is there, the command changes its flags and belongs to the rest.
    new = {f"{end.family} {end.name}" for live, end in zip(work.live, work.goals) if live is None and end is not None}
    tables = {f"add table {place.rpartition(' ')[0]}" for place in places if place.rpartition(" ")[0] in new}
    first = tuple(one for one in work.commands if _fills(one, places) or _head(one) in tables)
    return (first, tuple(one for one in work.commands if one not in first)) if first else (work.commands,)


def take_back(nft: Nft, first: Sequence[Command], *, alone: bool) -> None:
    """Delete what the first transaction made. alone: nobody else wrote since."""
    kinds = ("add set ", "add table ") if alone else ("add set ",)
    made = [_head(one) for one in first if one.text.startswith(kinds)]
    with contextlib.suppress(EngineError):
        nft.load("".join(f"delete {one[len('add ') :]}\n" for one in reversed(made)))


def _new_sets(work: RunPlan) -> frozenset[str]:
    """Return "family table name" of the sets of intervals whose names are new in their tables and in rules."""
    found = set()
    for live, end, plan in zip(work.live, work.goals, work.plans):
        if end is None or any(one.text.startswith("delete table ") for one in plan.commands):
            continue
        rules = (one.text for one in plan.commands if one.text.startswith(("add rule ", "insert rule ")))
        looked_into = {name for text in rules for name in sets_in(text)}
        for name in looked_into.intersection(plan.made):
            made = end.set(name)
            if made and made.kind == "set" and made.has("interval") and (live is None or live.set(name) is None):
                found.add(f"{end.family} {end.name} {name}")
    return frozenset(found)


def _fills(command: Command, places: frozenset[str]) -> bool:
    verb, kind, place = _head(command).split(" ", 2)
    return verb == "add" and kind in ("set", "element") and place in places


def _head(command: Command) -> str:
    return command.text[:_LONGEST_HEAD].partition(" {")[0]
