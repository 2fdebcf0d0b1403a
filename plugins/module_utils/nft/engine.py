# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the live tables equal to the desired ones, by the cheapest path that is proven to be enough.

A run without changes asks the kernel one question. A run in which only elements of files can differ sends the kernel
the difference. Only the remaining runs start nft. Ansible compiles every module anew on each run, so a path imports
only what it needs.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import nf_tables
from .command import Nft
from .errors import EngineError, MissingParent, no_memory

if TYPE_CHECKING:
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.words import Words
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist

__all__ = ["Engine", "RunResult"]


class Engine:
    """The engine on this host, in this network namespace. check: report changes without making them."""

    def __init__(self, nft: Nft, *, check: bool = False, state: RunDirectory | None = None) -> None:
        self._nft = nft
        self._check = check
        self._state = state or RunDirectory()
        self._words: Words | None = None

    def then(self, *, check: bool) -> Engine:
        """Return an engine for the next run of the same process; nft is not asked again what it was asked already."""
        engine = Engine(self._nft, check=check, state=self._state)
        engine._words = self._words
        return engine

    def run(self, desired: Sequence[TableSpec], save: persist.PersistFile | None = None) -> RunResult:
        """Make the live tables equal to the desired ones, and save them in a file.

        Raise EngineError on failure; then nothing was changed unless the message says so.
        """
        try:
            return self._run(desired, save)
        except MemoryError as error:
            raise no_memory() from error

    def _run(self, desired: Sequence[TableSpec], save: persist.PersistFile | None) -> RunResult:
        specs, missing = _resolved(desired)
        last_run = LastRun(self._state, specs, self._nft.path, save, check=self._check)
        version = "" if self._left_over() else last_run.unchanged()
        if version:
            return RunResult(changed=False, missing_users=missing, nft_version=version, path="fast")
        turn = str(nf_tables.namespace())
        with self._state.turn(turn):
            if self._left_over():
                from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch

                scratch.sweep(self._nft, self._state)
            result = self._changed(specs, last_run, save)
            if not self._check and not any(spec.present for spec in specs):
                last_run.delete(turn)
        return replace(result, missing_users=missing)

    def _left_over(self) -> bool:
        """Whether a killed run left a scratch table, or only its record, in this network namespace."""
        return any(record.get("namespace") == nf_tables.namespace() for _path, record in self._state.left_over())

    def _changed(self, specs: Sequence[TableSpec], last_run: LastRun, save: persist.PersistFile | None) -> RunResult:
        if last_run.only_others_wrote():
            from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import file_elements

            result = file_elements.run(specs, self._state, last_run, check=self._check)
            if result is not None:
                return result
        if _only_elements(specs):
            from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import named_elements

            result = named_elements.run(specs, self._nft, last_run, check=self._check)
            if result is not None:
                return result
        from ansible_collections.tidegate.nftables.plugins.module_utils.nft import mirror
        from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.words import Words
        from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs.full import FullRun

        words = self._words = self._words or Words()
        # A saved file has what packets put into sets, too.
        tables = [(spec.family, spec.name) for spec in specs] if save is None else []
        with mirror.beside_filled_tables(self._nft, tables) as mirrored:
            if mirrored is not None:
                # Whatever does not fit there is done, and said, without it.
                with contextlib.suppress(EngineError, NetlinkError, OSError):
                    return FullRun(mirrored, self._state, last_run, save, words, check=self._check).run(specs)
        try:
            return FullRun(self._nft, self._state, last_run, save, words, check=self._check).run(specs)
        except MissingParent as error:
            if not self._check:
                raise
            warning = (
                f"{error.what} Check mode assumes that an earlier task of the play creates it, so this task would "
                "change something; the exact changes are unknown."
            )
            return RunResult(changed=True, nft_version=self._nft.version(), warnings=(warning,))


def _only_elements(specs: Sequence[TableSpec]) -> bool:
    """Whether a task consists of elements of a single set."""
    sets = [set_spec for spec in specs for set_spec in spec.sets]
    alone = len(specs) == 1 and specs[0].others == "stay" and not specs[0].chains and not specs[0].objects
    return alone and len(sets) == 1 and sets[0].declaration is None and sets[0].mode != "exact" and sets[0].present


def _resolved(desired: Sequence[TableSpec]) -> tuple[list[TableSpec], tuple[str, ...]]:
    """Return the tables with name servers and users resolved on this host, and the users that it does not have."""
    specs = list(desired)
    if any(set_spec.source for spec in specs for set_spec in spec.sets):
        from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers

        specs = [resolvers.fill(spec) for spec in specs]
    chains = [chain for spec in specs for chain in spec.chains]
    rules = [rule for chain in chains for rule in (*(chain.rules or ()), *(chain.edit.rules if chain.edit else ()))]
    if not any(rule.users is not None for rule in rules):
        return specs, ()
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.users import resolve

    resolved = [resolve(spec) for spec in specs]
    return [spec for spec, _missing in resolved], tuple(sorted({name for _spec, names in resolved for name in names}))
