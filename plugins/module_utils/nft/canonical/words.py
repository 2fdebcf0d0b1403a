# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft made of the last drafts, so that a check and the run after it in the same process ask nft once."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import proof

from .draft import ScratchDraft


class Words:
    """The drafts of one run and their tables. The files that resolve names are part of the question."""

    def __init__(self) -> None:
        self._question: object = None
        self._tables: Sequence[NftTable] = ()

    def recall(self, version: str, drafts: Sequence[ScratchDraft]) -> list[NftTable] | None:
        """Return the drafts as nft listed them, None where it was not asked yet. version: of nft."""
        return list(self._tables) if self._question == (version, proof.names(), tuple(drafts)) else None

    def keep(self, version: str, drafts: Sequence[ScratchDraft], tables: Sequence[NftTable]) -> None:
        """Keep the answer in place of the last one."""
        self._question, self._tables = (version, proof.names(), tuple(drafts)), tuple(tables)
