# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fail-safe tables as messages, written down while nft works, for when it does not."""

from __future__ import annotations

import time
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import delete_table
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot, take
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import renamed
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE, TABLE_TEXT

from . import failsafe, records, settings
from .records import Record
from .settings import Settings


def keep(host: Host, values: Settings, before: str) -> None:
    """Record the fail-safe tables of these settings and of those before, so that they can be loaded without nft.

    before: content of the settings file, "" for none.
    """
    both = [values, *([settings.load(before)] if before else [])]
    texts = [failsafe.table(replace(each, mode=mode)) for each in both for mode in settings.MODES]
    paths = {failsafe.path_of(host.paths, text): text for text in texts}
    for path, text in paths.items():
        if records.about(path).get("kernel") != clock.kernel():
            messages = _as_messages(host, text).to_bytes()
            files.write(path, records.dump(Record(text, messages=messages, taken=time.time(), kernel=clock.kernel())))
    for path in host.paths.state.glob(host.paths.failsafe_record("*").name):
        if path not in paths:
            files.remove(path)


def _as_messages(host: Host, text: str) -> TableSnapshot:
    """Return what nft makes of a listed table: of a copy without hooks that is there for some milliseconds."""
    family, name = TABLE[0], scratch.name()
    copy = text.replace(f"table {TABLE_TEXT} {{\n", f"table {family} {name} {{\n\tflags dormant;\n", 1)
    about = {"tables": [f"{family} {name}"], "namespace": nf_tables.namespace()}
    with RunDirectory(str(host.paths.run)).using(name, about):
        try:
            host.table.load(copy)
            snapshot = take(family, name)
        finally:
            delete_table(family, name)
    if snapshot is None:
        raise GuardError("changed_meanwhile", f"Another program deleted the table {family} {name}. {UNCHANGED}")
    return renamed(snapshot, TABLE[1])
