# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that rules of others, which are created anew from nft's listing, survive that round trip."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import scratch
from .draft import DraftLine, ScratchDraft, block_of


def check(nft: Nft, desired: NftTable | None, rules: Sequence[tuple[str, str, str]], state: RunDirectory) -> None:
    """Raise when nft reads the listed text of a rule as another rule. rules: (chain, canon, text), none or some.

    nft can read about 99 of 100 of its own listings, and those of the extensions of iptables only by chance.
    """
    if desired is None or not rules:
        return
    if nf_tables.has_extensions(desired.family, desired.name):
        raise EngineError(
            "rejected_by_nft",
            f"This change makes {len(rules)} rules of others anew, but the table {desired.family} {desired.name} has "
            "rules of iptables with extensions, which nft can list but not write. Fix: make the change with iptables, "
            f"or in a table of your own. {UNCHANGED}",
            desired.where,
        )
    draft = ScratchDraft(
        desired.family, block_of(desired), tuple((chain, DraftLine(text)) for chain, _canon, text in rules)
    )
    try:
        (table,) = scratch.canonical(nft, [draft], state)
    except EngineError as error:
        raise EngineError(
            error.reason, f"Rules that the task does not name have to be created anew. {error.message}", desired.where
        ) from error
    for name in {chain for chain, _canon, _text in rules}:
        canons = [canon for chain, canon, _text in rules if chain == name]
        listed_chain = table.chain(name)
        for canon, rule in zip(canons, listed_chain.rules if listed_chain else ()):
            if canon != rule.canon:
                raise EngineError(
                    "rejected_by_nft",
                    f"The rule `{canon}` of chain {name} has to be created anew, but nft reads its own listing of it "
                    f"as `{rule.canon}`. Fix: delete the rule first, or add it to the task. {UNCHANGED}",
                    desired.where,
                )
