# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run: plan, one transaction, verify."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import ContextManager, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.collector import paused
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
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

from . import chunks, new_sets_first
from .planning import Planner, RunPlan
from .rejection import refusal

ATTEMPTS = 4
"""How often a run starts again because somebody else wrote in between."""


class FullRun:
    """One run that asks nft. check: change nothing, say what would be."""

    def __init__(
        self, nft: Nft, state: RunDirectory, last_run: LastRun, save: persist.PersistFile | None, *, check: bool
    ) -> None:
        self._nft = nft
        self._state = state
        self._last_run = last_run
        self._save = save
        self._check = check
        # The saved file is nft's text of everything.
        self._planner = Planner(nft, state, last_run, past=save is None)

    @paused
    def run(self, specs: Sequence[TableSpec]) -> RunResult:
        """Make the tables so, and the file hold them."""
        version = self._nft.version()
        if self._save and not self._check:
            self._save.clear()
        refill = False
        attempt = 0
        while attempt < ATTEMPTS:
            try:
                work = self._planner.plan(specs, refill=refill)
                if not self._check and not refill:
                    work = self._planner.fresh(work)
                done = self._carry_out(work, last=attempt + 1 == ATTEMPTS)
            except file_sets.NeedsNft as found:
                self._planner.leave_to_nft(found.name)
                continue
            except Overlap:
                if refill:
                    raise
                refill, done = True, None
            except netlink.NetlinkError as error:
                # Somebody took away what was looked at, or answers were lost: what there is now decides.
                if attempt + 1 == ATTEMPTS:
                    raise EngineError(error.reason, f"{error}. Look at the table, or run again.") from error
                done = None
            attempt += 1
            if done is not None:
                result, verified = done
                self._remember(work, result, version, verified)
                return replace(result, nft_version=version)
        raise EngineError("busy", "The tables changed again and again while this ran. Run again when that is over.")

    def _carry_out(self, work: RunPlan, *, last: bool) -> tuple[RunResult, int | None] | None:
        """Send the transaction and write the file, or only ask whether that is possible; None to start again.

        With the result comes the generation at which the kernel was seen to be right, if it is known.
        """
        save = self._save
        content = persist.text(work.goals) if save else None
        to_save = save.action(content) if save else ""
        result = RunResult(changed=bool(work.commands or to_save), warnings=self._warnings(work))
        if not result.changed:
            return result, work.generation
        before, after = self._difference(work)
        changes = work.changes
        if save and to_save:
            changes = (*changes, change_record(to_save, "file", name=str(save)))
            before, after = before + save.describe(None), after + save.describe(content)
            self._loadable(work)
        writing: ContextManager[None] = contextlib.nullcontext()
        if save and to_save and not self._check:
            writing = save.prepared(content)
        verified = work.generation
        with writing:
            if work.commands:
                sent, verified = self._send(work, last=last)
                if not sent:
                    return None
        if work.carried and not self._check and nf_tables.generation() is not None and not _alone(work, verified):
            result = replace(result, warnings=(*result.warnings, _LOST.format(", ".join(work.carried))))
        text = transaction.text(work.commands)
        return replace(result, before=before, after=after, transaction=text, changes=changes), verified

    def _difference(self, work: RunPlan) -> tuple[str, str]:
        shown = [
            render.difference(
                file_set_changes.shown(table, work.deltas, after=False),
                file_set_changes.shown(desired_table.listed_like(end, table), work.deltas, after=True),
            )
            for end, table in zip(work.goals, work.live)
        ]
        return "".join(one for one, _other in shown), "".join(other for _one, other in shown)

    def _send(self, work: RunPlan, *, last: bool) -> tuple[bool, int | None]:
        """Send the transaction and see that it did what it says; (False, …) when somebody else wrote in between."""
        try:
            after = self._by_netlink(work)
        except netlink.StaleGeneration:
            if not last:
                return False, None
            after = None
        if after is not None:
            residue = [] if self._check else self._residue(work, listed=any(found.elements for found in work.plans))
            return self._judged(residue, after if nf_tables.generation() == after else None, last=last)
        return self._by_nft(work, last=last)

    def _by_netlink(self, work: RunPlan) -> int | None:
        """Return the generation that netlink made, None when it is nft's turn, who knows more and says it better."""
        changes = None if work.generation is None else work.direct()
        if not changes:
            return None
        try:
            return netlink.change_elements(changes, work.generation, trial=self._check)
        except (netlink.StaleGeneration, netlink.BufferOverrun):
            raise
        except netlink.NetlinkError:
            return None

    def _by_nft(self, work: RunPlan, *, last: bool) -> tuple[bool, int | None]:
        before = nf_tables.generation()
        scripts = (work.commands,) if self._check else new_sets_first.scripts(work)
        script, outcome = scripts[0], NftOutcome(0, "", "")
        try:
            for script in scripts:
                outcome = self._nft.load(transaction.sent(script), check=self._check)
                if outcome.code != 0:
                    break
        except EngineError as error:
            return self._died(work, error, before, scripts), None
        after = nf_tables.generation()
        if outcome.code != 0:
            undisturbed = work.generation is not None and work.generation == before
            undisturbed = undisturbed and after == _past(before, scripts.index(script))
            if script is not scripts[0]:
                new_sets_first.take_back(self._nft, scripts[0], alone=undisturbed)
            if not last and not undisturbed:
                return False, None
            if chunks.too_long(outcome) and any(work.deltas):
                chunks.load(self._nft, work, check=self._check)
                return self._judged([] if self._check else self._residue(work), None, last=True)
            for spec in work.specs if "syntax error" in outcome.err else ():
                scratch.check_name(self._nft, spec.name, spec.where)
            raise refusal(outcome, script)
        if self._check:
            return True, None
        residue = self._residue(work)
        alone = before is not None and nf_tables.generation() == after == _past(before, len(scripts))
        return self._judged(residue, after if alone else None, last=last or before is None)

    def _died(
        self, work: RunPlan, error: EngineError, before: int | None, scripts: Sequence[Sequence[Command]]
    ) -> bool:
        """Whether everything was done all the same by an nft that was ended while it sent a transaction."""
        after = nf_tables.generation()
        if len(scripts) > 1 and before is not None and after == _past(before, 1):
            new_sets_first.take_back(self._nft, scripts[0], alone=True)
            after = before
        committed = before is None or after != before
        if committed and not self._check and not self._residue(work):
            return True
        end = "Whether anything was changed is not known: run again." if committed and not self._check else UNCHANGED
        raise EngineError(error.reason, f"{error.message} {end}", error.where) from error

    def _judged(self, residue: Sequence[ChangeRecord], verified: int | None, *, last: bool) -> tuple[bool, int | None]:
        """Raise when something is left to do and nobody else can have done that. verified: nobody else wrote since."""
        if residue and (verified is not None or last):
            names = "; ".join(" ".join(map(str, found.as_dict().values())) for found in residue[:5])
            raise EngineError(
                "not_applied",
                f"nft reported success, but nf_tables does not hold what was sent. Missing: {names}. Look at "
                "the table, or run again.",
            )
        return not residue, verified

    def _residue(self, work: RunPlan, *, listed: bool = True) -> list[ChangeRecord]:
        """Return what would still have to be done. listed: more than elements of files was changed."""
        return [*(self._planner.left(work) if listed else ()), *file_set_changes.residue(work.deltas)]

    def _loadable(self, work: RunPlan) -> None:
        """Raise when nft would not load its own listing, which would be found out at the next boot."""
        # Under another name, as at boot: nothing of that name is there.
        content = persist.text([end and replace(end, name=scratch.name()) for end in work.goals])
        outcome = self._nft.load(content or "\n", check=True)
        if outcome.code != 0:
            refused = self._nft.load(transaction.sent(work.commands), check=True)
            if refused.code != 0:
                raise refusal(refused, work.commands)
            raise failure(outcome, "nft -c -f", "persist")

    def _warnings(self, work: RunPlan) -> tuple[str, ...]:
        return tuple(
            sentence
            for spec, said, end in zip(work.specs, work.canon, work.goals)
            if said is not None and end is not None
            for sentence in still_inside(spec, said, end)
        )

    def _remember(self, work: RunPlan, result: RunResult, version: str, verified: int | None) -> None:
        """Keep the proof, and what this run did to the generation."""
        if self._check:
            # The scratch tables were real, whatever else was not.
            self._last_run.walked(work.start, work.generation, changed=False)
            return
        if _alone(work, verified):
            self._last_run.walked(work.start, verified, changed=bool(result.transaction))
        gone = not any(spec.present for spec in work.specs)  # nothing is kept about a table that is not there
        if not gone and verified is not None and proof.provable(_declared(work)):
            self._last_run.write(version, verified, file_set_store.keep(self._state, work.deltas))


_LOST = (
    "Somebody else wrote while {} was made anew: what he put in there in the same few milliseconds may be missing. "
    "Look whether his own program puts it back."
)


def _past(generation: int | None, commits: int) -> int | None:
    return None if generation is None else generation + commits


def _alone(work: RunPlan, verified: int | None) -> bool:
    """Whether nobody wrote between the listing that was planned from and the generation that was verified."""
    commits = len(new_sets_first.scripts(work)) if work.commands else 0
    return verified is not None and verified == _past(work.generation, commits)


def _declared(work: RunPlan) -> list[TableSpec]:
    """Return the tables with the declarations that sets have in the kernel, where the arguments give none."""
    found = []
    for spec, end in zip(work.specs, work.goals):
        there = {one.name: one.declaration for one in end.sets} if end else {}
        sets = (replace(one, declaration=there.get(one.name)) if one.declaration is None else one for one in spec.sets)
        found.append(replace(spec, sets=tuple(sets)))
    return found
