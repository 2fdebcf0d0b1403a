# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted to what is to be done: read, canonicalise, compare. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Sequence, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import roundtrip_check, scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.draft import draft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import (
    desired_table,
    plan,
    reference_check,
    removals,
    version_quirks,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.applicable import applicable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    ChangeRecord,
    Command,
    TablePlan,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.reader import read_table, readable_again
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import (
    direct,
    file_set_changes,
    file_set_store,
    file_sets,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

Name = Tuple[str, str, str]
"""Family, table and name of a set."""

Recipes = Dict[Name, Tuple[netlink.SetInfo, bytes]]


@dataclass(frozen=True)
class RunPlan:
    """One way from what there is to what shall be.

    specs: what nft is asked about. canon: what it made of them. deltas: what changes in sets that are fed past it.
    start, generation: before everything, and the one that the plan was made for; None: somebody else wrote meanwhile.
    """

    specs: tuple[TableSpec, ...]
    live: tuple[NftTable | None, ...]
    canon: tuple[NftTable | None, ...]
    goals: tuple[NftTable | None, ...]
    plans: tuple[TablePlan, ...]
    deltas: tuple[file_sets.SetDelta, ...]
    commands: tuple[Command, ...]
    changes: tuple[ChangeRecord, ...]
    start: int | None
    generation: int | None

    def direct(self) -> list[netlink.Change] | None:
        """Return what netlink is to do, None when that is nft's business."""
        found = [delta.change() for delta in self.deltas if delta]
        names = {delta.info.name for delta in self.deltas if delta.recipe}
        for table, planned in zip(self.live, self.plans):
            if planned.elements and table is not None:
                more = direct.changes(table, planned.elements)
                if more is None:
                    return None
                found += more
            elif planned.commands and (
                table is None or len(planned.commands) != len(planned.made) or not names.issuperset(planned.made)
            ):
                return None
        return found

    @property
    def carried(self) -> tuple[str, ...]:
        """Return the sets and chains that are made anew with what others put into them."""
        recreated = {
            dict(found.place)["name"]
            for found in self.changes
            if found.action == "recreate" and found.kind in ("set", "map", "chain", "table")
        }
        names: list[str] = []
        for end in self.goals:
            if end is not None:
                things = [found.name for found in end.sets if not found.managed]
                things += [chain.name for chain in end.chains if any(rule.handle is not None for rule in chain.rules)]
                names += [name for name in things if name in recreated or end.name in recreated]
        return tuple(names)


FRESH = 40
"""How often tables are listed again to find nobody writing between the listing and the transaction."""


class Planner:
    """Plans for some tables. past: whether sets may be fed past nft."""

    def __init__(self, nft: Nft, state: RunDirectory, last_run: LastRun, *, past: bool) -> None:
        self._nft = nft
        self._state = state
        self._last_run = last_run
        self._past = past
        self._for_nft: set[Name] = set()

    def leave_to_nft(self, name: Name) -> None:
        """Have nft read the file of a set."""
        self._for_nft.add(name)

    def plan(self, wanted: Sequence[TableSpec], *, refill: bool) -> RunPlan:
        """Return what is to be done; raise NotPlain when a file is for nft to read."""
        start = nf_tables.generation()
        trusted = self._last_run.same_tables(start)
        file_set_specs = file_sets.names(wanted, self._for_nft) if self._past else {}
        specs = [file_sets.without_files(spec, file_set_specs) for spec in wanted]
        live = tuple(self.read(spec, file_set_specs) for spec in specs)
        specs = [applicable(spec, table) for spec, table in zip(specs, live)]
        for spec, table in zip(specs, live):
            version_quirks.check(self._nft.version(), spec, table)
        recipes: Recipes = {}
        canon = self._canonical(specs, live, file_set_specs, recipes)
        for spec, said in zip(specs, canon):
            version_quirks.check_rules(self._nft.version(), spec, said)
        kept = [scratch.without_misfits(self._nft, *one) for one in zip(specs, live, canon)]
        goals = tuple(desired_table.build(spec, said, table) for spec, said, table in zip(specs, canon, kept))
        plans = tuple(self._compared(*one, refill=refill) for one in zip(specs, live, goals))
        drafts = sum(spec.present for spec in specs)
        now = nf_tables.generation()
        undisturbed = start is not None and now == start + (1 + drafts if drafts else 0)
        undisturbed = undisturbed and not any(found.borrowed for found in plans)
        deltas = self._deltas(file_set_specs, live, plans, recipes, now if undisturbed else None, trusted=trusted)
        changes = (*(found for planned in plans for found in planned.changes), *file_set_changes.changes(deltas))
        work = RunPlan(
            tuple(specs), live, canon, goals, plans, deltas, (), changes, start, now if undisturbed else None
        )
        past = work.direct() is not None
        around = [
            file_set_changes.commands(one, refill=refill or (file_set_changes.slow(one) and not past)) for one in deltas
        ]
        made = [bool(one.recipe) for one in deltas]
        # what only gains comes first, what only loses last, as in transaction.Steps
        commands = [one for new, (out, into) in zip(made, around) if not out and not new for one in into]
        commands += [one for out, into in around if into for one in out]
        commands += [command for found in plans for command in found.commands]
        commands += [one for new, (out, into) in zip(made, around) if out or new for one in into]
        commands += [one for out, into in around if not into for one in out]
        return replace(work, commands=tuple(commands))

    def fresh(self, work: RunPlan) -> RunPlan:
        """Return the work, planned from the tables as they are right now when it takes along what nobody wrote down.

        What others add to a set or chain between our listing of it and its being made anew would be lost.
        """
        for _attempt in range(FRESH):
            start = nf_tables.generation()
            if not work.carried or work.deltas or work.generation == start:
                break
            live = tuple(self.read(spec, {}) for spec in work.specs)
            kept = [scratch.without_misfits(self._nft, *one) for one in zip(work.specs, live, work.canon)]
            goals = tuple(
                desired_table.build(spec, said, table) for spec, said, table in zip(work.specs, work.canon, kept)
            )
            plans = tuple(self._compared(*one, refill=False) for one in zip(work.specs, live, goals))
            work = replace(
                work,
                live=live,
                goals=goals,
                plans=plans,
                commands=tuple(command for found in plans for command in found.commands),
                changes=tuple(found for planned in plans for found in planned.changes),
                start=start,
                generation=start,
            )
        return work

    def read(self, spec: TableSpec, file_set_specs: dict[Name, SetSpec]) -> NftTable | None:
        """Return the live table without the elements of fed sets."""
        but = {name for family, table, name in file_set_specs if (family, table) == (spec.family, spec.name)}
        table = read_table(self._nft, spec.family, spec.name, but=but)
        return readable_again(table) if self._nft.version().startswith("0.") else table

    def left(self, work: RunPlan) -> list[ChangeRecord]:
        """Return what would still have to be done of a work that was carried out."""
        file_set_specs = {(delta.info.family, delta.info.table, delta.info.name): delta for delta in work.deltas}
        found: list[ChangeRecord] = []
        for spec, said in zip(work.specs, work.canon):
            table = self.read(spec, dict.fromkeys(file_set_specs, SetSpec("set", "", ())))
            found += plan.make(table, desired_table.build(spec, said, table)).changes
        return found

    def _canonical(
        self,
        specs: Sequence[TableSpec],
        live: Sequence[NftTable | None],
        file_set_specs: dict[Name, SetSpec],
        recipes: Recipes,
    ) -> tuple[NftTable | None, ...]:
        """Return what nft makes of the tables; recipes is filled with what makes the fed sets."""
        present = [(spec, draft(spec, table)) for spec, table in zip(specs, live) if spec.present]

        def look(tables: Sequence[str]) -> None:
            for (spec, _draft), table in zip(present, tables):
                for name in file_set_specs:
                    if name[:2] == (spec.family, spec.name):
                        info, recipe = netlink.get_recipe(spec.family, table, name[2])
                        recipes[name] = (replace(info, table=spec.name, handle=0), recipe)

        drafts = [one for _spec, one in present]
        listed = iter(scratch.canonical(self._nft, drafts, self._state, look if file_set_specs else None))
        return tuple(next(listed) if spec.present else None for spec in specs)

    def _compared(self, spec: TableSpec, table: NftTable | None, end: NftTable | None, *, refill: bool) -> TablePlan:
        gone = [found.where for found in spec.chains if not found.present]
        gone += [found.where for found in spec.sets if not found.present]
        reference_check.check(table, end, (gone or [spec.where])[0])
        removals.check(spec, table, end)
        found = plan.make(table, end, refill=refill)
        roundtrip_check.check(self._nft, end, found.borrowed, self._state)
        return found

    def _deltas(
        self,
        file_set_specs: dict[Name, SetSpec],
        live: Sequence[NftTable | None],
        plans: Sequence[TablePlan],
        recipes: Recipes,
        generation: int | None,
        *,
        trusted: bool,
    ) -> tuple[file_sets.SetDelta, ...]:
        there = {(table.family, table.name): made.made for table, made in zip(live, plans) if table is not None}
        found = []
        for name, spec in file_set_specs.items():
            if spec.file is None or name not in recipes:
                continue
            if name[:2] not in there or name[2] in there[name[:2]]:
                found.append(file_sets.made(recipes[name][0], spec.file, recipes[name][1]))
                continue
            info = netlink.get_set(*name)
            known = file_set_store.recall(self._state, self._last_run.record.get("elements"), info)
            if trusted and generation is not None and known is not None:
                found.append(file_sets.from_known(info, spec.file, known))
            else:
                found.append(file_sets.from_kernel(info, spec.file, known, generation or nf_tables.settled()))
        return tuple(found)
