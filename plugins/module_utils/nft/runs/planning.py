# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a run: read the live tables, bring the desired ones into nft's words, compare. Nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Sequence, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import roundtrip_check, scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.draft import draft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.words import Words
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import (
    desired_table,
    reference_check,
    removals,
    version_quirks,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.applicable import applicable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.plan import plan_table
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import ChangeRecord, Command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.reader import read_table, readable_again
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import (
    file_set_changes,
    file_set_store,
    file_sets,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path.file_sets import SetDelta
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from .created_anew import Listening
from .run_plan import PlannedTable, RunPlan

Name = Tuple[str, str, str]
"""Family, table and name of a set."""

Recipes = Dict[Name, Tuple[netlink.SetInfo, bytes]]

FRESH = 40
"""How often tables are read again until no process writes between reading them and the transaction."""


class Planner:
    """Plans the runs of a task. file_sets_by_netlink: whether elements of files may go to the kernel without nft."""

    def __init__(
        self, nft: Nft, state: RunDirectory, last_run: LastRun, words: Words, *, file_sets_by_netlink: bool
    ) -> None:
        self._nft = nft
        self._words = words
        self._state = state
        self._last_run = last_run
        self._file_sets_by_netlink = file_sets_by_netlink
        self._for_nft: set[Name] = set()

    def leave_to_nft(self, name: Name) -> None:
        """Let nft read the file of a set in later plans."""
        self._for_nft.add(name)

    def plan(self, desired: Sequence[TableSpec], *, refill: bool) -> RunPlan:
        """Return the plan for some tables; raise NeedsNft for a file that only nft can read."""
        start = nf_tables.generation()
        trusted = self._last_run.same_tables(start)
        set_specs = file_sets.names(desired, self._for_nft) if self._file_sets_by_netlink else {}
        specs = [file_sets.without_files(spec, set_specs) for spec in desired]
        live = [self.read(spec, set_specs) for spec in specs]
        specs = [applicable(spec, table) for spec, table in zip(specs, live)]
        file_sets.check_plain(specs, set_specs)
        for spec, table in zip(specs, live):
            version_quirks.check(self._nft.version(), spec, table)
        recipes: Recipes = {}
        canon, tried = self._canonical(specs, live, set_specs, recipes)
        for spec, table in zip(specs, canon):
            version_quirks.check_rules(self._nft.version(), spec, table)
        tables = tuple(self._planned(*states, refill=refill) for states in zip(specs, live, canon))
        generation = self._undisturbed(start, tried + _checks(tables))
        deltas = self._deltas(set_specs, tables, recipes, generation, trusted=trusted)
        changes = (*_changes(tables), *file_set_changes.changes(deltas))
        run_plan = RunPlan(tables=tables, deltas=deltas, changes=changes, start=start, generation=generation)
        if run_plan.carried and not self._nft.commits_here:
            raise EngineError("busy", "What others put into a set has to be carried over, and the copy is without it.")
        by_netlink = run_plan.by_netlink() is not None
        return replace(run_plan, commands=_commands(tables, deltas, refill=refill, by_netlink=by_netlink))

    def fresh(self, run_plan: RunPlan, listening: Listening) -> RunPlan:
        """Return the plan made again from the tables as they are now, when it carries over what others put into them.

        What other processes add to a set or chain after it was read, and before it is created anew, would be lost.
        listening: hears what they write from the last reading on.
        """
        for _attempt in range(FRESH):
            listening.begin(run_plan)
            start = nf_tables.generation()
            if not run_plan.carried or run_plan.deltas or run_plan.generation == start:
                break
            tables = tuple(
                self._planned(table.spec, self.read(table.spec, {}), table.canon, refill=False)
                for table in run_plan.tables
            )
            run_plan = replace(
                run_plan,
                tables=tables,
                changes=_changes(tables),
                start=start,
                generation=self._undisturbed(start, _checks(tables)),
                commands=tuple(command for table in tables for command in table.plan.commands),
            )
        return run_plan

    def read(self, spec: TableSpec, set_specs: dict[Name, SetSpec]) -> NftTable | None:
        """Return the live table without the elements of the sets that go by netlink."""
        but = {name for family, table, name in set_specs if (family, table) == (spec.family, spec.name)}
        table = read_table(self._nft, spec.family, spec.name, but=but)
        return readable_again(table) if self._nft.version().startswith("0.") else table

    def remaining(self, run_plan: RunPlan) -> list[ChangeRecord]:
        """Return the changes that are still missing after a plan was carried out."""
        names = [(delta.info.family, delta.info.table, delta.info.name) for delta in run_plan.deltas]
        changes: list[ChangeRecord] = []
        for table in run_plan.tables:
            live = self.read(table.spec, dict.fromkeys(names, SetSpec("set", "", ())))
            changes += plan_table(live, desired_table.build(table.spec, table.canon, live)).changes
        return changes

    def _undisturbed(self, start: int | None, tried: int) -> int | None:
        """Return the generation now if nobody else committed since the start, else None. tried: commits by trying."""
        now = nf_tables.generation()
        commits = tried if self._nft.commits_here else 0
        return now if start is not None and now == start + commits else None

    def _canonical(
        self,
        specs: Sequence[TableSpec],
        live: Sequence[NftTable | None],
        set_specs: dict[Name, SetSpec],
        recipes: Recipes,
    ) -> tuple[list[NftTable | None], int]:
        """Return the tables in nft's words, and how many commits that took.

        Fill recipes with what creates the sets that go by netlink.
        """
        present = [(spec, draft(spec, table)) for spec, table in zip(specs, live) if spec.present]

        def inspect(scratch_names: Sequence[str]) -> None:
            for (spec, _draft), scratch_name in zip(present, scratch_names):
                for name in set_specs:
                    if name[:2] == (spec.family, spec.name):
                        with self._nft.entered():
                            info, recipe = netlink.get_recipe(spec.family, scratch_name, name[2])
                        recipes[name] = (replace(info, table=spec.name, handle=0), recipe)

        drafts = [scratch_draft for _spec, scratch_draft in present]
        canonical = None if set_specs else self._words.recall(self._nft.version(), drafts)
        commits = 1 + len(drafts) if drafts and canonical is None else 0
        if canonical is None:
            canonical = scratch.canonical(self._nft, drafts, self._state, inspect if set_specs else None)
            self._words.keep(self._nft.version(), drafts, canonical)
        tables = iter(canonical)
        return [next(tables) if spec.present else None for spec in specs], commits

    def _planned(self, spec: TableSpec, live: NftTable | None, canon: NftTable | None, *, refill: bool) -> PlannedTable:
        kept = scratch.without_misfits(self._nft, spec, live, canon)
        desired = desired_table.build(spec, canon, kept)
        deleted = [chain.where for chain in spec.chains if not chain.present]
        deleted += [set_spec.where for set_spec in spec.sets if not set_spec.present]
        reference_check.check(live, desired, (deleted or [spec.where])[0])
        removals.check(spec, live, desired)
        plan = plan_table(live, desired, refill=refill)
        if desired is not None and plan.borrowed:
            roundtrip_check.check_borrowed(self._nft, desired, plan.borrowed, self._state)
        if desired is not None and plan.respelled:
            roundtrip_check.check_own(self._nft, desired, plan.respelled, self._state)
        return PlannedTable(spec=spec, live=live, canon=canon, desired=desired, plan=plan)

    def _deltas(
        self,
        set_specs: dict[Name, SetSpec],
        tables: Sequence[PlannedTable],
        recipes: Recipes,
        generation: int | None,
        *,
        trusted: bool,
    ) -> tuple[SetDelta, ...]:
        """Return the changes of the sets that go by netlink. trusted: nobody changed them since the last run."""
        made = {(table.spec.family, table.spec.name): table.plan.made for table in tables if table.live is not None}
        deltas = []
        for name, spec in set_specs.items():
            if spec.file is None or name not in recipes:
                continue
            if name[:2] not in made or name[2] in made[name[:2]]:
                info, recipe = recipes[name]
                deltas.append(file_sets.made(info, spec.file, recipe))
                continue
            info = netlink.get_set(*name)
            known = file_set_store.recall(self._state, self._last_run.record.get("elements"), info)
            if trusted and generation is not None and known is not None:
                deltas.append(file_sets.from_known(info, spec.file, known))
            else:
                deltas.append(file_sets.from_kernel(info, spec.file, known, generation or nf_tables.settled()))
        return tuple(deltas)


def _checks(tables: Sequence[PlannedTable]) -> int:
    """Return the number of commits of the roundtrip checks: each makes a table and deletes it."""
    plans = [table.plan for table in tables if table.desired]
    return 2 * sum(bool(rules) for plan in plans for rules in (plan.borrowed, plan.respelled))


def _changes(tables: Sequence[PlannedTable]) -> tuple[ChangeRecord, ...]:
    return tuple(change for table in tables for change in table.plan.changes)


def _commands(
    tables: Sequence[PlannedTable], deltas: Sequence[SetDelta], *, refill: bool, by_netlink: bool
) -> tuple[Command, ...]:
    """Return the transaction; as in transaction.Steps, sets that only gain come first and sets that only lose last."""
    gains: list[Command] = []
    emptied: list[Command] = []
    filled: list[Command] = []
    losses: list[Command] = []
    for delta in deltas:
        slow = not by_netlink and file_set_changes.slow(delta)
        removing, adding = file_set_changes.commands(delta, refill=refill or slow)
        if removing and adding:
            emptied += removing
            filled += adding
        elif removing:
            losses += removing
        elif delta.recipe:
            filled += adding
        else:
            gains += adding
    rest = (command for table in tables for command in table.plan.commands)
    return (*gains, *emptied, *rest, *filled, *losses)
