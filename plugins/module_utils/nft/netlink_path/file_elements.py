# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in which all but the elements of files is proven unchanged: the kernel is told the difference, nft nothing.

The proof is the trail of generations, or where somebody else committed and the task owns nothing but sets: that the
kernel declares each as it did, under the same handle, and what its elements are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.collector import paused
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import fed, fed_run, fed_store


@paused
def run(specs: Sequence[TableSpec], notes: RunDirectory, memory: LastRun, *, check: bool) -> RunResult | None:
    """Change the sets whose files changed, or whose elements others changed, when nothing else can be another.

    None when that is not possible this way, and nothing was done.
    """
    sets = fed.names(specs, ())
    files = sum(one.file is not None for spec in specs for one in spec.sets)
    if not sets or len(sets) != files:
        return None
    generation = memory.only_files_changed()
    if generation is None and not _only_sets(specs, len(sets)):
        return None
    try:
        current = nf_tables.settled() if generation is None else generation
        deltas = []
        for name, spec in sets.items():
            info, recipe = netlink.get_recipe(*name)
            known = fed_store.recall(notes, memory.note["elements"], info, None if generation else recipe)
            if known is None or spec.file is None:
                return None
            trusted = generation is not None
            deltas.append(
                fed.from_known(info, spec.file, known) if trusted else fed.from_kernel(info, spec.file, known, current)
            )
        return _applied(deltas, current, notes, memory, check=check)
    except (netlink.NetlinkError, fed.NeedsNft):
        # Somebody wrote in between, or nft has to read a file, or knows better what is wrong.
        return None


def _only_sets(specs: Sequence[TableSpec], sets: int) -> bool:
    """Whether the task owns nothing but these sets, so that what others commit elsewhere is not its business."""
    alone = all(spec.others == "stay" and not spec.objects and not spec.chains for spec in specs)
    return alone and sum(len(spec.sets) for spec in specs) == sets


def _applied(
    deltas: Sequence[fed.SetDelta], generation: int, notes: RunDirectory, memory: LastRun, *, check: bool
) -> RunResult | None:
    version = str(memory.note.get("version", ""))
    changing = [delta for delta in deltas if delta]
    after = netlink.change_elements([delta.change() for delta in changing], generation, trial=check)
    result = RunResult(changed=bool(changing), nft_version=version, path="elements")
    if check and changing:
        return _shown(result, changing)
    if changing and fed_run.residue(changing):
        return None
    if not check:
        memory.walked(generation, after, changed=True)
        memory.write(version, after, fed_store.keep(notes, deltas))
    return _shown(result, changing)


def _shown(result: RunResult, deltas: Sequence[fed.SetDelta]) -> RunResult:
    around = [fed_run.commands(delta, refill=False) for delta in deltas]
    commands = [command for first, last in around for command in (*first, *last)]
    return replace(
        result,
        before=fed_run.alone(deltas, after=False),
        after=fed_run.alone(deltas, after=True),
        transaction=transaction.text(commands),
        changes=tuple(fed_run.changes(deltas)),
    )
