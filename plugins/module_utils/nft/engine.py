# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the kernel's tables equal to what is wanted: read, canonicalise, plan, one transaction, verify."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import (
    goal,
    netlink,
    plan,
    render,
    scratch,
    transaction,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, Outcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.draft import draft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError, bad_spec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.listing import parse_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.model import Table
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.transaction import Change, Command
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
    warnings: tuple[str, ...] = field(default=())

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


class Engine:
    """nft on this host and network namespace. check: change nothing, say what would be."""

    def __init__(self, nft: Nft, *, check: bool = False) -> None:
        self._nft = nft
        self._check = check

    def run(self, wanted: Sequence[TableSpec]) -> Result:
        """Make the tables so. Raise EngineError when that cannot be; then nothing was changed unless the message says so."""
        found = [resolve(spec) for spec in wanted]
        specs = [spec for spec, _missing in found]
        missing = tuple(sorted({name for _spec, names in found for name in names}))
        version = self._nft.version()
        for attempt in range(1, ATTEMPTS + 1):
            outcome = self._attempt(specs, last=attempt == ATTEMPTS)
            if outcome is not None:
                break
        else:
            raise EngineError("busy", "The tables changed again and again while this ran.")
        before, after, commands, changes = outcome
        return Result(
            changed=bool(commands),
            before=before,
            after=after,
            transaction=transaction.text(commands),
            changes=changes,
            missing_users=missing,
            nft_version=version,
        )

    def read(self, family: str, name: str, *, elements: bool = True) -> Table | None:
        """Return a table as it is, None when there is none."""
        if netlink.table_handle(family, name) is None:
            return None
        outcome = self._nft.list_table(family, name, elements=elements)
        if outcome.code != 0:
            if "No such file or directory" in outcome.err:
                return None
            raise failure(outcome, "nft list table")
        return parse_tables(outcome.out)[0]

    def _attempt(
        self, specs: Sequence[TableSpec], *, last: bool
    ) -> tuple[str, str, tuple[Command, ...], tuple[Change, ...]] | None:
        """Go once from reading to verifying; None when somebody else wrote in between."""
        live = [self.read(spec.family, spec.name) for spec in specs]
        for spec, table in zip(specs, live):
            if spec.must_exist and table is None:
                raise bad_spec(
                    spec.where, f"There is no table {spec.family} {spec.name}. The module nft_table makes tables."
                )
        canon = self._canonical(specs, live)
        goals = [goal.build(spec, said, table) for spec, said, table in zip(specs, canon, live)]
        plans = [plan.make(table, end) for table, end in zip(live, goals)]
        commands = tuple(command for found in plans for command in found.commands)
        changes = tuple(found for planned in plans for found in planned.changes)
        before = "".join(map(render.table, live))
        after = "".join(map(render.table, goals))
        if not commands:
            return before, after, (), ()
        generation = netlink.generation()
        outcome = self._nft.load(transaction.text(commands), check=self._check)
        if outcome.code != 0:
            if not last and netlink.generation() != generation:
                return None
            raise _refusal(outcome, commands)
        if not self._check and not self._verified(specs, canon, last=last or netlink.generation() == generation + 1):
            return None
        return before, after, commands, changes

    def _canonical(self, specs: Sequence[TableSpec], live: Sequence[Table | None]) -> list[Table | None]:
        drafts = [draft(spec, table) for spec, table in zip(specs, live) if spec.present]
        found = iter(scratch.canonical(self._nft, drafts, scratch.scratch_name()))
        return [next(found) if spec.present else None for spec in specs]

    def _verified(self, specs: Sequence[TableSpec], canon: Sequence[Table | None], *, last: bool) -> bool:
        """Whether the kernel is what was asked for; raise when nobody else can be the reason."""
        residue: list[Change] = []
        for spec, said in zip(specs, canon):
            table = self.read(spec.family, spec.name)
            residue += plan.make(table, goal.build(spec, said, table)).changes
        if residue and last:
            names = "; ".join(" ".join(str(value) for value in found.as_dict().values()) for found in residue[:5])
            raise EngineError(
                "not_applied",
                f"nft reported success, yet the kernel is not as asked. Still to do: {names}. Run again, or look there.",
            )
        return not residue


def _refusal(outcome: Outcome, commands: Sequence[Command]) -> EngineError:
    """Return the error for a transaction that was refused, which names the command."""
    line, said = next(iter(outcome.errors()), (0, ""))
    command = transaction.where(commands, line) if line else None
    error = failure(outcome, "nft -f", command.where if command else "")
    if command is None or error.reason != "rejected_by_nft":
        return error
    first = command.text.splitlines()[0]
    return EngineError(error.reason, f"nft refuses `{first[:200]}`: {said}. {UNCHANGED}", command.where)
