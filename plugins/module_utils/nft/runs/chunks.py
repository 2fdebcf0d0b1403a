# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply sets that are too large for one transaction: in a user namespace the send buffer has a limit.

A set that no rule refers to is filled in chunks, because no packet meets it; the rules come last, in one transaction. A
set in use cannot be filled so: half of it would be the policy for a moment.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import Command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import sets_in
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import file_sets

from .rejection import rejection
from .run_plan import RunPlan


def too_long(outcome: NftOutcome) -> bool:
    """Whether nft failed because the transaction is larger than its send buffer can be."""
    return "Message too long" in outcome.err or "No buffer space available" in outcome.err


def load(nft: Nft, run_plan: RunPlan, *, check: bool) -> None:
    """Apply a plan in chunks; raise when that would change a set in use in steps."""
    deltas = [delta for delta in run_plan.deltas if delta]
    for delta in deltas:
        _check_unused(delta, [table.live for table in run_plan.tables if table.live is not None])
    rest = [command for table in run_plan.tables for command in table.plan.commands]
    existing = {
        f"add table {table.spec.family} {table.spec.name}" for table in run_plan.tables if table.live is not None
    }
    first = [command for command in rest if _creates(command, deltas) and command.text.split(" {")[0] not in existing]
    rest = [command for command in rest if command not in first]
    if check:
        _send(nft, [*first, *rest], check=True)
        return
    _send(nft, first)
    try:
        for delta in deltas:
            _fill(delta)
        _send(nft, rest)
    except (EngineError, netlink.NetlinkError) as error:
        for command in reversed(first):
            nft.load(f"delete {' '.join(command.text.split()[1:5])}\n".replace(" {", ""))
        if isinstance(error, EngineError):
            raise
        raise EngineError("rejected_by_nft", f"{error}. {UNCHANGED}") from error


def _check_unused(delta: file_sets.SetDelta, live: Sequence[NftTable]) -> None:
    info = delta.info
    for table in live:
        if (table.family, table.name) == (info.family, info.table):
            rules = (rule.canon for chain in table.chains for rule in chain.rules)
            if table.set(info.name) is not None and any(info.name in sets_in(rule) for rule in rules):
                raise EngineError(
                    "rejected_by_nft",
                    f"{len(delta.add) + len(delta.delete)} elements of set {info.name} change, which do not fit into "
                    "one transaction here: in a user namespace (a rootless container) net.core.wmem_max of the "
                    "host bounds the send buffer, by default to about 3,000 elements. A rule refers to the set, so "
                    "it cannot be changed in chunks. Fix: raise net.core.wmem_max on the host, or change fewer "
                    f"elements at a time. {UNCHANGED}",
                    delta.file.where,
                )


def _creates(command: Command, deltas: Sequence[file_sets.SetDelta]) -> bool:
    """Whether a command creates one of the sets or its table."""
    for delta in deltas:
        place = f"{delta.info.family} {delta.info.table}"
        if command.text.startswith(f"add set {place} {delta.info.name} ") or command.text.split(" {")[0] == (
            f"add table {place}"
        ):
            return True
    return False


def _send(nft: Nft, commands: Sequence[Command], *, check: bool = False) -> None:
    if commands:
        outcome = nft.load(transaction.sent(commands), check=check)
        if outcome.code != 0:
            raise rejection(outcome, commands)


def _fill(delta: file_sets.SetDelta) -> None:
    """Change a set in chunks that are halved until they fit."""
    info = netlink.get_set(delta.info.family, delta.info.table, delta.info.name)
    if delta.refill is None:
        waiting = [netlink.SetChange(info, delete=delta.delete), netlink.SetChange(info, add=delta.add)]
    else:
        waiting = [netlink.SetChange(info, flush=True), netlink.SetChange(info, add=delta.refill)]
    while waiting:
        change = waiting.pop(0)
        try:
            netlink.change_elements([change])
        except netlink.MessageTooLong:
            if len(change.add) + len(change.delete) < 2:
                raise
            add, delete = len(change.add) // 2, len(change.delete) // 2
            halves = [(change.add[:add], change.delete[:delete]), (change.add[add:], change.delete[delete:])]
            waiting[:0] = [netlink.SetChange(info, *half) for half in halves]
