# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that nft reads its listing of a rule as that rule: those that are created anew, and those that are new.

nft can read about 99 of 100 of its own listings. A rule of the others would be another one after a boot, and when its
chain is created anew.
"""

from __future__ import annotations

from typing import Sequence, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import scratch
from .draft import DraftLine, ScratchDraft, block_of

Rule = Tuple[str, str, str]


def check_borrowed(nft: Nft, desired: NftTable, rules: Sequence[Rule], state: RunDirectory) -> None:
    """Raise when rules of others would change by being created anew. rules: (chain, canon, text), at least one."""
    if nf_tables.has_extensions(desired.family, desired.name):
        raise EngineError(
            "rejected_by_nft",
            f"This change makes rules of others anew ({len(rules)}), but the table {desired.family} {desired.name} has "
            "rules of iptables with extensions, which nft can list but not write. Fix: make the change with iptables, "
            f"or in a table of your own. {UNCHANGED}",
            desired.where,
        )
    try:
        read = _read(nft, desired, [(chain, DraftLine(text)) for chain, _canon, text in rules], state)
    except EngineError as error:
        raise EngineError(
            error.reason, f"Rules that the task does not name have to be created anew. {error.message}", desired.where
        ) from error
    for (chain, canon, _text), again in zip(rules, read):
        if canon != again:
            raise EngineError(
                "rejected_by_nft",
                f"The rule `{canon}` of chain {chain} has to be created anew, but nft reads its own listing of it as "
                f"`{again}`. Fix: delete the rule first, or add it to the task. {UNCHANGED}",
                desired.where,
            )


def check_own(nft: Nft, desired: NftTable, rules: Sequence[Rule], state: RunDirectory) -> None:
    """Raise when nft reads its listing of a rule of the task otherwise. rules: (chain, canon, where), at least one."""
    try:
        read = _read(nft, desired, [(chain, DraftLine(canon, where)) for chain, canon, where in rules], state)
    except EngineError as error:
        raise _misread(nft, error.message, error.where or desired.where) from error
    for (_chain, canon, where), again in zip(rules, read):
        if canon != again:
            raise _misread(nft, f"It lists the rule as `{canon}` and reads that as `{again}`. {UNCHANGED}", where)


def _misread(nft: Nft, message: str, where: str) -> EngineError:
    return EngineError(
        "rejected_by_nft",
        f"nft {nft.version()} cannot read its own listing of this rule, so that after a boot it would be another or "
        f"none. Fix: write it otherwise, for example as two rules. {message}",
        where,
    )


def _read(nft: Nft, desired: NftTable, rules: Sequence[tuple[str, DraftLine]], state: RunDirectory) -> list[str]:
    """Return how nft lists rules, each (chain, text), after it read them."""
    (table,) = scratch.canonical(nft, [ScratchDraft(desired.family, block_of(desired), tuple(rules))], state)
    rules_of = {chain.name: iter(chain.rules) for chain in table.chains}
    return [next(rules_of[chain]).canon for chain, _line in rules]
