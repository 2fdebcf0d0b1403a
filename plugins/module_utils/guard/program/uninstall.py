# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the table and every file. Needs no confirmation: without a table nothing is rejected."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import DesiredTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes import transaction
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.nf_tables import delete_table, has_table
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import install, requested_names
from .install import FileChange
from .report import joined


def uninstall(host: Host, absent: DesiredTable, *, check: bool) -> dict[str, Any]:
    """Remove the table and every file. absent: deletes the table."""
    systemd = clock.systemd_runs(host.paths)
    with exclusive(host.paths):
        recovered = rollback.settle(host, check=check)
        result = absent.preview()
        if not check:
            if result["changed"]:
                _forget_policy(host.paths)
            result = absent.load()
        removed = [*_without_names(host.paths, check=check), *install.remove(host.paths, systemd=systemd, check=check)]
        return {**joined(result, removed), "recovered": recovered}


def uninstall_without_nft(paths: Paths, *, check: bool) -> dict[str, Any]:
    """Remove the table and every file on a host without nft, where nf_tables may still hold the table."""
    with exclusive(paths):
        change = pending.read(paths)
        if change is not None and change.of_this_boot and timer.is_running(paths, change):
            raise pending.already_pending(change)
        exists = _exists_without_nft()
        if exists and not check:
            _forget_policy(paths)
            delete_table(*TABLE)
        removed = [
            *_without_names(paths, check=check),
            *install.remove(paths, systemd=clock.systemd_runs(paths), check=check),
        ]
    changes = (transaction.change_record("delete", "table", name=TABLE[1]),) if exists else ()
    return {**joined(RunResult(exists, changes=changes).as_dict(), removed), "recovered": ""}


def _without_names(paths: Paths, *, check: bool) -> list[FileChange]:
    """Have the host ask for names as it did before us; return the files that this changes."""
    changes = requested_names.preview(paths, "")
    if changes and not check:
        requested_names.make(paths, "")
    return changes


def _forget_policy(paths: Paths) -> None:
    """Remove the confirmed policy, so that neither the watcher nor a boot loads the table again."""
    files.remove(paths.confirmed)


def _exists_without_nft() -> bool:
    try:
        return has_table(*TABLE) is not False
    except EngineError as error:
        if error.reason != "no_nf_tables":
            raise
        return False
