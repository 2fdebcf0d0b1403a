# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the kernel's tables equal to what is wanted: read, canonicalise, plan, one transaction, verify."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any, ContextManager, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import (
    borrowed,
    dangling,
    goal,
    kernel,
    misread,
    persist,
    plan,
    proof,
    removals,
    render,
    resolvers,
    scratch,
    transaction,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.applicable import applicable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, Outcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.draft import draft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.elements import still_inside
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError, Overlap
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Table
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.reader import read_table, readable_again
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.transaction import Change, Command, Plan, change
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.users import resolve

ATTEMPTS = 4
"""How often a run starts again because somebody else wrote in between."""


@dataclass(frozen=True)
class Result:
    """What a run came to, as the modules return it."""

    changed: bool
    before: str = ""
    after: str = ""
    transaction: str = ""
    changes: tuple[Change, ...] = ()
    missing_users: tuple[str, ...] = ()
    nft_version: str = ""
    path: str = "full"
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the result as module output."""
        return {
            "changed": self.changed,
            "diff": {"before": self.before, "after": self.after},
            "transaction": self.transaction,
            "changes": [found.as_dict() for found in self.changes],
            "missing_users": list(self.missing_users),
            "nft_version": self.nft_version,
            "path": self.path,
        }


@dataclass(frozen=True)
class _Work:
    """One way from what there is to what shall be; canon: what nft made of the wanted things."""

    specs: tuple[TableSpec, ...]
    live: tuple[Table | None, ...]
    canon: tuple[Table | None, ...]
    goals: tuple[Table | None, ...]
    commands: tuple[Command, ...]
    changes: tuple[Change, ...]
    generation: int | None


class Engine:
    """nft on this host, in this network namespace. check: change nothing, say what would be."""

    def __init__(self, nft: Nft, *, check: bool = False, notes: RunDirectory | None = None) -> None:
        self._nft = nft
        self._check = check
        self._notes = notes or RunDirectory()

    def run(self, wanted: Sequence[TableSpec], save: persist.File | None = None) -> Result:
        """Make the tables so, and the file at save hold them.

        Raise EngineError when that cannot be done; then nothing was changed unless the message says so.
        """
        found = [resolve(resolvers.fill(spec)) for spec in wanted]
        specs = [spec for spec, _missing in found]
        missing = tuple(sorted({name for _spec, names in found for name in names}))
        slot = proof.slot(specs)
        version = self._proven(specs, save, slot)
        if version:
            return Result(changed=False, missing_users=missing, nft_version=version, path="fast")
        turn = str(kernel.namespace())
        with self._notes.turn(turn):
            result = self._run(specs, missing, save, slot)
        if not self._check and not any(spec.present for spec in specs):
            self._notes.leave(slot, turn)
        return result

    def _run(
        self, specs: Sequence[TableSpec], missing: tuple[str, ...], save: persist.File | None, slot: str
    ) -> Result:
        version = self._nft.version()
        scratch.sweep(self._nft, self._notes)
        refill = False
        for attempt in range(1, ATTEMPTS + 1):
            work = self._plan(specs, refill=refill)
            try:
                done = self._carry_out(work, save, last=attempt == ATTEMPTS)
            except Overlap:
                if refill:
                    raise
                refill, done = True, None
            if done is not None:
                result, verified = done
                self._remember(specs, save, slot, version, verified)
                return replace(result, missing_users=missing, nft_version=version)
        raise EngineError("busy", "The tables changed again and again while this ran. Run again when that is over.")

    def _plan(self, specs: Sequence[TableSpec], *, refill: bool) -> _Work:
        """Read, canonicalise and compare; nothing is changed."""
        start = kernel.generation()
        live = tuple(self._read(spec) for spec in specs)
        specs = [applicable(spec, table) for spec, table in zip(specs, live)]
        for spec, table in zip(specs, live):
            misread.check(self._nft.version(), spec, table)
        drafts = [draft(spec, table) for spec, table in zip(specs, live) if spec.present]
        listed = iter(scratch.canonical(self._nft, drafts, self._notes))
        canon = tuple(next(listed) if spec.present else None for spec in specs)
        kept = tuple(
            scratch.without_misfits(self._nft, spec, table, said) for spec, table, said in zip(specs, live, canon)
        )
        goals = tuple(goal.build(spec, said, table) for spec, said, table in zip(specs, canon, kept))
        plans: list[Plan] = []
        for spec, table, end in zip(specs, live, goals):
            gone = [found.where for found in spec.chains if not found.present]
            gone += [found.where for found in spec.sets if not found.present]
            dangling.check(table, end, (gone or [spec.where])[0])
            removals.check(spec, table, end)
            plans.append(plan.make(table, end, refill=refill))
            borrowed.check(self._nft, end, plans[-1].borrowed, self._notes)
        commits = (1 + len(drafts)) if drafts else 0
        now = kernel.generation()
        undisturbed = start is not None and now == start + commits and not any(found.borrowed for found in plans)
        return _Work(
            tuple(specs),
            live,
            canon,
            goals,
            tuple(command for found in plans for command in found.commands),
            tuple(found for planned in plans for found in planned.changes),
            now if undisturbed else None,
        )

    def _carry_out(self, work: _Work, save: persist.File | None, *, last: bool) -> tuple[Result, int | None] | None:
        """Send the transaction and write the file, or only ask whether that is possible; None to start again.

        With the result comes the generation at which the kernel was seen to be right, if it is known.
        """
        content = persist.text(work.goals) if save else None
        to_save = save.state(content) if save else ""
        shown = [render.difference(table, goal.listed_like(end, table)) for end, table in zip(work.goals, work.live)]
        before, after = "".join(one for one, _other in shown), "".join(other for _one, other in shown)
        changes = work.changes
        if save and to_save:
            changes = (*changes, change(to_save, "file", name=str(save)))
            before, after = before + save.describe(None), after + save.describe(content)
            self._loadable(work)
        result = Result(changed=bool(work.commands or to_save), warnings=self._warnings(work))
        if not result.changed:
            return result, work.generation
        writing: ContextManager[None] = contextlib.nullcontext()
        if save and to_save and not self._check:
            writing = save.prepared(content)
        verified = work.generation
        with writing:
            if work.commands:
                sent, verified = self._send(work, last=last)
                if not sent:
                    return None
        text = transaction.text(work.commands)
        return replace(result, before=before, after=after, transaction=text, changes=changes), verified

    def _send(self, work: _Work, *, last: bool) -> tuple[bool, int | None]:
        """Send the transaction and see that it did what it says; (False, …) when somebody else wrote in between."""
        before = kernel.generation()
        try:
            outcome = self._nft.load(transaction.text(work.commands), check=self._check)
        except EngineError as error:
            return self._died(work, error, before), None
        after = kernel.generation()
        if outcome.code != 0:
            if not last and after != before:
                return False, None
            for spec in work.specs if "syntax error" in outcome.err else ():
                scratch.check_name(self._nft, spec.name, spec.where)
            raise _refusal(outcome, work.commands)
        if self._check:
            return True, None
        residue = self._residue(work)
        alone = before is not None and kernel.generation() == after == before + 1
        if residue and (alone or last or before is None):
            names = "; ".join(" ".join(map(str, found.as_dict().values())) for found in residue[:5])
            raise EngineError(
                "not_applied",
                f"nft reported success, yet the kernel is not as asked. Still to do: {names}. Look at "
                "the table, or run again.",
            )
        return not residue, after if alone else None

    def _died(self, work: _Work, error: EngineError, before: int | None) -> bool:
        """Whether everything was done all the same by an nft that was ended while it sent the transaction."""
        committed = before is None or kernel.generation() != before
        if committed and not self._check and not self._residue(work):
            return True
        end = "Whether anything was changed is not known: run again." if committed and not self._check else UNCHANGED
        raise EngineError(error.reason, f"{error.message} {end}", error.where) from error

    def _read(self, spec: TableSpec) -> Table | None:
        table = read_table(self._nft, spec.family, spec.name)
        return readable_again(table) if self._nft.version().startswith("0.") else table

    def _residue(self, work: _Work) -> list[Change]:
        """Return what would still have to be done."""
        found: list[Change] = []
        for spec, said in zip(work.specs, work.canon):
            table = self._read(spec)
            found += plan.make(table, goal.build(spec, said, table)).changes
        return found

    def _loadable(self, work: _Work) -> None:
        """Raise when nft would not load its own listing, which would be found out at the next boot."""
        # Under another name, as at boot: nothing of that name is there.
        content = persist.text([end and replace(end, name=scratch.name()) for end in work.goals])
        outcome = self._nft.load(content or "\n", check=True)
        if outcome.code != 0:
            refused = self._nft.load(transaction.text(work.commands), check=True)
            if refused.code != 0:
                raise _refusal(refused, work.commands)
            raise failure(outcome, "nft -c -f", "persist")

    def _warnings(self, work: _Work) -> tuple[str, ...]:
        return tuple(
            sentence
            for spec, said, end in zip(work.specs, work.canon, work.goals)
            if said is not None and end is not None
            for sentence in still_inside(spec, said, end)
        )

    def _proven(self, specs: Sequence[TableSpec], save: persist.File | None, slot: str) -> str:
        """Return nft's version when the kernel proves that nothing changed since the last verified run, else ""."""
        note = self._notes.read(slot)
        if not note:
            return ""
        now = proof.take(specs, self._nft.path, save.seal() if save else "")
        return str(note.get("version", "")) if now and note.get("proof") == now else ""

    def _remember(
        self, specs: Sequence[TableSpec], save: persist.File | None, slot: str, version: str, verified: int | None
    ) -> None:
        """Keep the proof of what was verified at a generation, if that is still the generation."""
        gone = not any(spec.present for spec in specs)  # nothing is kept about a table that is not there
        if self._check or gone or verified is None or not proof.provable(specs):
            return
        now = proof.take(specs, self._nft.path, save.seal() if save else "")
        if now.get("generation") == verified:
            self._notes.write(slot, {"version": version, "proof": now})


_OVERLAP = ("interval overlaps", "conflicting intervals", "File exists")
"""What different versions of nft say of an interval that meets another."""


def _refusal(outcome: Outcome, commands: Sequence[Command]) -> EngineError:
    """Return the error for a transaction that was refused, which names the command."""
    line, said = next(iter(outcome.errors()), (0, ""))
    command = transaction.where(commands, line) if line else None
    error = failure(outcome, "nft -f", command.where if command else "")
    if command is None or error.reason != "rejected_by_nft":
        return error
    first = command.text.splitlines()[0]
    kind = Overlap if any(sign in outcome.err for sign in _OVERLAP) else EngineError
    return kind(error.reason, f"nft refuses `{first[:200]}`: {said}. {UNCHANGED}", command.where)
