# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run without nft when everything but the elements of files is proven unchanged: send the kernel the difference.

The proof is the trail of generations. Where another process committed and the task owns nothing but sets, it is that
the kernel declares each set as before, under the same handle, and which elements it has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.garbage_collection import without_gc
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import file_set_changes, file_set_store, file_sets


@without_gc
def run(specs: Sequence[TableSpec], state: RunDirectory, last_run: LastRun, *, check: bool) -> RunResult | None:
    """Change the sets whose files or elements changed, when nothing else can have changed.

    Return None when that cannot be done without nft; then nothing was changed.
    """
    sets = file_sets.names(specs, ())
    files = sum(set_spec.file is not None for spec in specs for set_spec in spec.sets)
    if not sets or len(sets) != files:
        return None
    generation = last_run.only_files_changed()
    if generation is None and not _only_sets(specs, len(sets)):
        return None
    try:
        current = nf_tables.settled() if generation is None else generation
        deltas = []
        for name, spec in sets.items():
            info, recipe = netlink.get_recipe(*name)
            known = file_set_store.recall(state, last_run.record["elements"], info, None if generation else recipe)
            if known is None or spec.file is None:
                return None
            trusted = generation is not None
            deltas.append(
                file_sets.from_known(info, spec.file, known)
                if trusted
                else file_sets.from_kernel(info, spec.file, known, current)
            )
        return _applied(deltas, current, state, last_run, check=check)
    except (netlink.NetlinkError, file_sets.NeedsNft):
        # Another process wrote meanwhile, or nft has to read a file, or nft explains the error better.
        return None


def _only_sets(specs: Sequence[TableSpec], sets: int) -> bool:
    """Whether the task owns nothing but these sets, so that commits elsewhere do not concern it."""
    only_sets = all(spec.others == "stay" and not spec.objects and not spec.chains for spec in specs)
    return only_sets and sum(len(spec.sets) for spec in specs) == sets


def _applied(
    deltas: Sequence[file_sets.SetDelta], generation: int, state: RunDirectory, last_run: LastRun, *, check: bool
) -> RunResult | None:
    version = str(last_run.record.get("version", ""))
    changing = [delta for delta in deltas if delta]
    after = netlink.change_elements([delta.change() for delta in changing], generation, dry_run=check)
    result = RunResult(changed=bool(changing), nft_version=version, path="elements")
    if check and changing:
        return _shown(result, changing)
    if changing and file_set_changes.residue(changing):
        return None
    # A run without changes has verified the sets, also in check mode.
    last_run.walked(generation, after, changed=bool(changing))
    last_run.write(version, after, {} if check else file_set_store.keep(state, deltas))
    return _shown(result, changing)


def _shown(result: RunResult, deltas: Sequence[file_sets.SetDelta]) -> RunResult:
    around = [file_set_changes.commands(delta, refill=False) for delta in deltas]
    commands = [command for first, last in around for command in (*first, *last)]
    return replace(
        result,
        before=file_set_changes.alone(deltas, after=False),
        after=file_set_changes.alone(deltas, after=True),
        transaction=transaction.text(commands),
        changes=tuple(file_set_changes.changes(deltas)),
    )
