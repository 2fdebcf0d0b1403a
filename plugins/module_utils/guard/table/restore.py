# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a table in place of the live one, without nft and without touching elements that the policy does not own.

No way back depends on nft: the table of another program can crash it, on every listing and every load.
"""

from __future__ import annotations

from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError, StaleGeneration
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import delete_table
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot, put
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import aged, digest
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE, TABLE_TEXT

from .live_table import LiveTable

_ATTEMPTS = 6
"""How often a restore is tried again because another process changed the ruleset during it."""


def script(listing: str) -> str:
    """Return the transaction of nft that replaces the whole table by this one; "" only removes it."""
    # Adding the table first makes deleting it valid where there is none.
    return f"table {TABLE_TEXT}\ndelete table {TABLE_TEXT}\n{listing}"


def listing_of(text: str) -> str | None:
    """Return what `script` was made of, None when the text is no such script."""
    start = script("")
    return text[len(start) :] if text.startswith(start) else None


def restore_table(table: LiveTable, snapshot: TableSnapshot | None, seconds: float, others: Collection[str]) -> None:
    """Make the live table the recorded one, aged by that many seconds; None: no table.

    others: sets whose live elements stay. Nothing is done where the table is live already. Raise GuardError
    (not_restored) when the live table differs afterwards.
    """
    problem, expiring = "", True
    for _attempt in range(_ATTEMPTS):
        live = table.snapshot()
        if digest(live, others, expiring=expiring) == digest(snapshot, others, expiring=expiring):
            return
        # Elements may have expired on the way.
        expiring = False
        try:
            if snapshot is None:
                delete_table(*TABLE)
            else:
                put(aged(snapshot, seconds), live if not problem else None, others)
        except StaleGeneration:
            continue
        except NetlinkError as error:
            problem = problem or str(error)
    raise GuardError("not_restored", f"The table {TABLE_TEXT} could not be restored. {problem}".rstrip())
