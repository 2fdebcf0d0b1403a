# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets too large for one transaction: in a user namespace the send buffer cannot be made as large as is needed.

A set that no rule refers to can be filled piece by piece, for no packet meets it; the rules come last, in one
transaction. A set that is in use cannot: half of it would be the policy for a moment.
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

from .planning import RunPlan
from .rejection import refusal


def too_long(outcome: NftOutcome) -> bool:
    """Whether nft was refused because the transaction is larger than its send buffer can be."""
    return "Message too long" in outcome.err or "No buffer space available" in outcome.err


def load(nft: Nft, work: RunPlan, *, check: bool) -> None:
    """Carry out a work piece by piece; raise when that would leave a set in use half changed."""
    deltas = [delta for delta in work.deltas if delta]
    for delta in deltas:
        _check_unused(delta, work.live)
    rest = [command for found in work.plans for command in found.commands]
    there = {f"add table {table.family} {table.name}" for table in work.live if table is not None}
    first = [command for command in rest if _makes(command, deltas) and command.text.split(" {")[0] not in there]
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


def _check_unused(delta: file_sets.SetDelta, live: Sequence[NftTable | None]) -> None:
    info = delta.info
    for table in live:
        if table is not None and (table.family, table.name) == (info.family, info.table):
            rules = (rule.canon for chain in table.chains for rule in chain.rules)
            if table.set(info.name) is not None and any(info.name in sets_in(rule) for rule in rules):
                raise EngineError(
                    "rejected_by_nft",
                    f"{len(delta.add) + len(delta.delete)} elements of set {info.name} change, and so many do not fit "
                    "into one transaction here: in a user namespace (a rootless container) net.core.wmem_max of the "
                    "host bounds the send buffer, by default to about 3,000 elements. A rule refers to the set, so it "
                    "cannot be changed in pieces. Raise net.core.wmem_max on the host, or change fewer elements at a "
                    f"time. {UNCHANGED}",
                    delta.file.where,
                )


def _makes(command: Command, deltas: Sequence[file_sets.SetDelta]) -> bool:
    """Whether a command makes one of the sets, or a table that one of them is in."""
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
            raise refusal(outcome, commands)


def _fill(delta: file_sets.SetDelta) -> None:
    """Change a set in pieces that halve until they fit."""
    info = netlink.get_set(delta.info.family, delta.info.table, delta.info.name)
    if delta.everything is None:
        waiting = [netlink.Change(info, delete=delta.delete), netlink.Change(info, add=delta.add)]
    else:
        waiting = [netlink.Change(info, flush=True), netlink.Change(info, add=delta.everything)]
    while waiting:
        change = waiting.pop(0)
        try:
            netlink.change_elements([change])
        except netlink.MessageTooLong:
            if len(change.add) + len(change.delete) < 2:
                raise
            add, delete = len(change.add) // 2, len(change.delete) // 2
            halves = [(change.add[:add], change.delete[:delete]), (change.add[add:], change.delete[delete:])]
            waiting[:0] = [netlink.Change(info, *half) for half in halves]
