# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explain why nft rejected a transaction."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import Command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import NftOutcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError, Overlap
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable

from . import misplaced

_OVERLAP = ("interval overlaps", "conflicting intervals", "File exists")
"""Messages of different nft versions about an interval that overlaps another."""


def rejection(outcome: NftOutcome, commands: Sequence[Command], desired: Sequence[NftTable | None] = ()) -> EngineError:
    """Return the error for a transaction that nft rejected, which names the command. desired: the tables it makes."""
    line, message = next(iter(outcome.errors()), (0, ""))
    command = transaction.where(commands, line) if line else None
    error = failure(outcome, "nft -f", command.where if command else "")
    if command is None or error.reason != "rejected_by_nft":
        return error
    first = command.text.splitlines()[0]
    kind = Overlap if any(fragment in outcome.err for fragment in _OVERLAP) else EngineError
    why = misplaced.reason(command.text, [table for table in desired if table]) if "not supported" in message else ""
    why = f" {why}" if why else ""
    return kind(error.reason, f"nft rejects `{first[:200]}`: {message}.{why} {UNCHANGED}", command.where)
