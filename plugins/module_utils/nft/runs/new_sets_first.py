# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill new sets of intervals before the rules that refer to them are added.

In the kernel, rules change for packets at the beginning of a commit, and the content of sets of intervals at its end
(nf_tables_commit(): gencursor, then nft_set_commit_update(); concatenated ones since Linux 5.6, all since the binary
search in nft_set_rbtree). In between, a new rule meets an empty set for about 7 microseconds, with 10,000 elements for
2.5 milliseconds (Linux 6.18, measured), and packets that it allows are rejected. A set that no rule refers to changes
nothing for packets, so it can come in a commit of its own.
"""

from __future__ import annotations

import contextlib
from typing import Sequence, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import Command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import sets_in

from .run_plan import RunPlan

Script = Tuple[Command, ...]

_LONGEST_HEAD = 400
"""Maximum characters of the head of a command: verb, kind, family, table, name."""


def scripts(run_plan: RunPlan) -> tuple[Script, ...]:
    """Return the transactions of a plan: one for everything, or one for new sets and one for the rest."""
    new_sets = _new_sets(run_plan)
    # For a live table, the command changes its flags and belongs to the rest.
    new_tables = {
        f"{table.spec.family} {table.spec.name}" for table in run_plan.tables if table.live is None and table.desired
    }
    tables_of_sets = {name.rpartition(" ")[0] for name in new_sets}
    heads = {f"add table {name}" for name in tables_of_sets & new_tables}
    first = tuple(command for command in run_plan.commands if _fills(command, new_sets) or _head(command) in heads)
    rest = tuple(command for command in run_plan.commands if command not in first)
    return (first, rest) if first else (run_plan.commands,)


def roll_back(nft: Nft, first: Sequence[Command], *, alone: bool) -> None:
    """Delete what the first transaction created. alone: no other process wrote since."""
    kinds = ("add set ", "add table ") if alone else ("add set ",)
    made = [_head(command) for command in first if command.text.startswith(kinds)]
    with contextlib.suppress(EngineError):
        nft.load("".join(f"delete {command[len('add ') :]}\n" for command in reversed(made)))


def _new_sets(run_plan: RunPlan) -> frozenset[str]:
    """Return "family table name" of the sets of intervals that are new and that new rules refer to."""
    new_sets = set()
    for table in run_plan.tables:
        desired, plan = table.desired, table.plan
        if desired is None or any(command.text.startswith("delete table ") for command in plan.commands):
            continue
        rules = (command.text for command in plan.commands if command.text.startswith(("add rule ", "insert rule ")))
        for name in {name for text in rules for name in sets_in(text)}.intersection(plan.made):
            nft_set = desired.set(name)
            new = table.live is None or table.live.set(name) is None
            if nft_set and nft_set.kind == "set" and nft_set.has("interval") and new:
                new_sets.add(f"{desired.family} {desired.name} {name}")
    return frozenset(new_sets)


def _fills(command: Command, names: frozenset[str]) -> bool:
    verb, kind, name = _head(command).split(" ", 2)
    return verb == "add" and kind in ("set", "element") and name in names


def _head(command: Command) -> str:
    return command.text[:_LONGEST_HEAD].partition(" {")[0]
