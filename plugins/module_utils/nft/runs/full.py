# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run with nft: plan, one transaction, verify."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import ContextManager, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.garbage_collection import without_gc
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.words import Words
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import desired_table, transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.desired_elements import still_inside
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    ChangeRecord,
    Command,
    change_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError, Overlap
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import render
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import (
    file_set_changes,
    file_set_store,
    file_sets,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist, proof
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import chunks, new_sets_first, text_tables
from .created_anew import Listening
from .planning import Planner
from .rejection import rejection
from .run_plan import RunPlan

ATTEMPTS = 4
"""Number of attempts when other processes write meanwhile."""


class FullRun:
    """A run that starts nft. check: report the changes without making them."""

    def __init__(
        self,
        nft: Nft,
        state: RunDirectory,
        last_run: LastRun,
        save: persist.PersistFile | None,
        words: Words,
        *,
        check: bool,
    ) -> None:
        self._nft = nft
        self._state = state
        self._last_run = last_run
        self._save = save
        self._check = check
        self._raced: dict[str, None] = {}
        """Names of what was created anew while another process wrote into it."""
        self._listening = Listening()
        # The saved file is nft's text of all elements.
        self._planner = Planner(nft, state, last_run, words, file_sets_by_netlink=save is None)

    @without_gc
    def run(self, specs: Sequence[TableSpec]) -> RunResult:
        """Make the live tables equal to the desired ones, and save them in the file."""
        with self._listening:
            return self._run(specs)

    def _run(self, specs: Sequence[TableSpec]) -> RunResult:
        version = self._nft.version()
        specs = self._with_texts(specs)
        if self._save and not self._check:
            self._save.clear()
        refill = False
        attempt = 0
        while attempt < ATTEMPTS:
            try:
                run_plan = self._planner.plan(specs, refill=refill)
                if not self._check and not refill:
                    run_plan = self._planner.fresh(run_plan, self._listening)
                outcome = self._carry_out(run_plan, last=attempt + 1 == ATTEMPTS)
            except file_sets.NeedsNft as needs_nft:
                self._planner.leave_to_nft(needs_nft.name)
                continue
            except Overlap:
                if refill:
                    raise
                refill, outcome = True, None
            except netlink.NetlinkError as error:
                # Another process deleted an object, or answers were lost: plan again from the live tables.
                if attempt + 1 == ATTEMPTS:
                    raise EngineError(error.reason, f"{error}. Fix: check the table, or run again.") from error
                outcome = None
            attempt += 1
            if outcome is not None:
                result, verified = outcome
                self._remember(run_plan, result, version, verified)
                lost = (_LOST.format(", ".join(self._raced)),) if self._raced else ()
                return replace(result, nft_version=version, warnings=(*result.warnings, *lost))
        raise EngineError(
            "busy", f"Other processes changed the tables during {ATTEMPTS} attempts. Fix: run again when they are idle."
        )

    def _with_texts(self, specs: Sequence[TableSpec]) -> list[TableSpec]:
        """Return the specs with what their texts declare; each takes a scratch table."""
        before = nf_tables.generation()
        whole = [text_tables.resolve(self._nft, spec, self._state) for spec in specs]
        made = _after(before, 2 * sum(spec.text is not None and spec.present for spec in specs))
        if made == nf_tables.generation():
            self._last_run.walked(before, made, changed=False)
        return whole

    def _carry_out(self, run_plan: RunPlan, *, last: bool) -> tuple[RunResult, int | None] | None:
        """Send the transaction and write the file, or only check both; return None to start again.

        Also return the generation at which the tables were verified, None when it is unknown.
        """
        save = self._save
        content = persist.text([table.desired for table in run_plan.tables]) if save else None
        to_save = save.action(content) if save else ""
        result = RunResult(changed=bool(run_plan.commands or to_save), warnings=self._warnings(run_plan))
        if not result.changed:
            return result, run_plan.generation
        before, after = self._difference(run_plan)
        changes = run_plan.changes
        if save and to_save:
            changes = (*changes, change_record(to_save, "file", name=str(save)))
            before, after = before + save.describe(None), after + save.describe(content)
            self._loadable(run_plan)
        writing: ContextManager[None] = contextlib.nullcontext()
        if save and to_save and not self._check:
            writing = save.replaced(content)
        verified = run_plan.generation
        with writing:
            if run_plan.commands:
                sent, verified = self._send(run_plan, last=last)
                if not sent:
                    return None
        text = transaction.text(run_plan.commands)
        return replace(result, before=before, after=after, transaction=text, changes=changes), verified

    def _difference(self, run_plan: RunPlan) -> tuple[str, str]:
        shown = [
            render.difference(
                file_set_changes.shown(table.live, run_plan.deltas, after=False),
                file_set_changes.shown(
                    desired_table.ordered_like(table.desired, table.live), run_plan.deltas, after=True
                ),
            )
            for table in run_plan.tables
        ]
        return "".join(before for before, _other in shown), "".join(after for _one, after in shown)

    def _send(self, run_plan: RunPlan, *, last: bool) -> tuple[bool, int | None]:
        """Send the transaction and verify it. Return (False, …) when another process wrote meanwhile.

        Also return the generation at which the tables were verified, None when it is unknown.
        """
        try:
            after = self._by_netlink(run_plan)
        except netlink.StaleGeneration:
            if not last:
                return False, None
            after = None
        if after is not None:
            residue = (
                []
                if self._check
                else self._residue(run_plan, tables=any(table.plan.elements for table in run_plan.tables))
            )
            return self._verified(residue, after if nf_tables.generation() == after else None, last=last)
        return self._by_nft(run_plan, last=last)

    def _by_netlink(self, run_plan: RunPlan) -> int | None:
        """Return the generation of the commit by netlink, None when nft has to make it or explains the error better."""
        changes = None if run_plan.generation is None else run_plan.by_netlink()
        if not changes:
            return None
        try:
            return netlink.change_elements(changes, run_plan.generation, dry_run=self._check)
        except (netlink.StaleGeneration, netlink.BufferOverrun):
            raise
        except netlink.NetlinkError:
            return None

    def _by_nft(self, run_plan: RunPlan, *, last: bool) -> tuple[bool, int | None]:
        before = nf_tables.generation()
        scripts = (run_plan.commands,) if self._check else new_sets_first.scripts(run_plan)
        script, outcome = scripts[0], NftOutcome(0, "", "")
        try:
            for script in scripts:
                outcome = self._nft.load(transaction.sent(script), check=self._check)
                if outcome.code != 0:
                    break
        except EngineError as error:
            return self._committed_by_killed_nft(run_plan, error, before, scripts), None
        after = nf_tables.generation()
        if outcome.code != 0:
            undisturbed = run_plan.generation is not None and run_plan.generation == before
            undisturbed = undisturbed and after == _after(before, scripts.index(script))
            if script is not scripts[0]:
                new_sets_first.roll_back(self._nft, scripts[0], alone=undisturbed)
            if not last and not undisturbed:
                return False, None
            if chunks.too_long(outcome) and any(run_plan.deltas):
                chunks.load(self._nft, run_plan, check=self._check)
                return self._verified([] if self._check else self._residue(run_plan), None, last=True)
            for table in run_plan.tables if "syntax error" in outcome.err else ():
                scratch.check_name(self._nft, table.spec.name, table.spec.where)
            raise rejection(outcome, script, [table.desired for table in run_plan.tables])
        if self._check:
            return True, None
        return self._committed(run_plan, before, _after(before, len(scripts)), after, last=last or before is None)

    def _committed(
        self, run_plan: RunPlan, before: int | None, made: int | None, after: int | None, *, last: bool
    ) -> tuple[bool, int | None]:
        """Verify a transaction. before, after: generations around it; made: the one if nobody writes."""
        disturbed = before is not None and (before != run_plan.generation or after != made)
        if disturbed and self._listening.others_wrote(run_plan):
            self._raced.update(dict.fromkeys(run_plan.carried))
        residue = self._residue(run_plan)
        alone = before is not None and nf_tables.generation() == after == made
        return self._verified(residue, after if alone else None, last=last)

    def _committed_by_killed_nft(
        self, run_plan: RunPlan, error: EngineError, before: int | None, scripts: Sequence[Sequence[Command]]
    ) -> bool:
        """Return True when an nft that was killed while it sent a transaction had committed everything; else raise."""
        after = nf_tables.generation()
        if len(scripts) > 1 and before is not None and after == _after(before, 1):
            new_sets_first.roll_back(self._nft, scripts[0], alone=True)
            after = before
        committed = before is None or after != before
        if committed and not self._check and not self._residue(run_plan):
            return True
        end = (
            "It is unknown whether anything was changed. Fix: run again."
            if committed and not self._check
            else UNCHANGED
        )
        raise EngineError(error.reason, f"{error.message} {end}", error.where) from error

    def _verified(
        self, residue: Sequence[ChangeRecord], verified: int | None, *, last: bool
    ) -> tuple[bool, int | None]:
        """Raise when changes are missing that no other process can have undone. verified: as in _send."""
        if residue and (verified is not None or last):
            names = "; ".join(" ".join(map(str, change.as_dict().values())) for change in residue[:5])
            raise EngineError(
                "not_applied",
                f"nft reported success, but nf_tables does not hold what was sent. Missing: {names}. "
                "Fix: check the table, or run again.",
            )
        return not residue, verified

    def _residue(self, run_plan: RunPlan, *, tables: bool = True) -> list[ChangeRecord]:
        """Return the changes that are missing. tables: also list the tables, because not only file sets changed."""
        return [*(self._planner.remaining(run_plan) if tables else ()), *file_set_changes.residue(run_plan.deltas)]

    def _loadable(self, run_plan: RunPlan) -> None:
        """Raise when nft would not load its own listing, which would show only at the next boot."""
        # Under another name, because at boot no table of that name exists.
        content = persist.text(
            [table.desired and replace(table.desired, name=scratch.name()) for table in run_plan.tables]
        )
        outcome = self._nft.load(content or "\n", check=True)
        if outcome.code != 0:
            rejected = self._nft.load(transaction.sent(run_plan.commands), check=True)
            if rejected.code != 0:
                raise rejection(rejected, run_plan.commands, [table.desired for table in run_plan.tables])
            raise failure(outcome, "nft -c -f", "persist")

    def _warnings(self, run_plan: RunPlan) -> tuple[str, ...]:
        return tuple(
            warning
            for table in run_plan.tables
            if table.canon is not None and table.desired is not None
            for warning in still_inside(table.spec, table.canon, table.desired)
        )

    def _remember(self, run_plan: RunPlan, result: RunResult, version: str, verified: int | None) -> None:
        """Store the proof, and the step of the generation that this run made."""
        if self._check and result.changed:
            # Only the scratch tables were committed.
            self._last_run.walked(run_plan.start, run_plan.generation, changed=False)
            return
        # Also in check mode: a run that finds nothing to change has verified the tables.
        if _alone(run_plan, verified):
            self._last_run.walked(run_plan.start, verified, changed=bool(result.transaction))
        gone = not any(table.spec.present for table in run_plan.tables)  # no state is kept about deleted tables
        if not gone and verified is not None and proof.provable(_declared(run_plan)):
            elements = {} if self._check else file_set_store.keep(self._state, run_plan.deltas)
            self._last_run.write(version, verified, elements)


_LOST = (
    "Another process wrote while {} was created anew: what it added within the same few milliseconds may be missing. "
    "Fix: check whether that process adds it again."
)


def _after(generation: int | None, commits: int) -> int | None:
    return None if generation is None else generation + commits


def _alone(run_plan: RunPlan, verified: int | None) -> bool:
    """Whether no other process wrote between reading the tables and verifying them."""
    commits = len(new_sets_first.scripts(run_plan)) if run_plan.commands else 0
    return verified is not None and verified == _after(run_plan.generation, commits)


def _declared(run_plan: RunPlan) -> list[TableSpec]:
    """Return the specs with the live declarations of sets that the arguments do not declare."""
    specs = []
    for table in run_plan.tables:
        spec = table.spec
        live = {nft_set.name: nft_set.declaration for nft_set in table.desired.sets} if table.desired else {}
        sets = (
            replace(set_spec, declaration=live.get(set_spec.name)) if set_spec.declaration is None else set_spec
            for set_spec in spec.sets
        )
        specs.append(replace(spec, sets=tuple(sets)))
    return specs
