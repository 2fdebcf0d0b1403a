# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a host that is right, by which the next run is spared (guard/unchanged.py). The caller holds the lock.

It holds what the host was like before it was verified once more, so what changes meanwhile is not like it.
"""

from __future__ import annotations

import json
from contextlib import closing, suppress
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files, unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import confirmed_policy, resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import CompiledTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.unit_sets import Units
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import find_nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import resolvers
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import proof
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.record import WITHOUT_FILE
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import FORWARD_CHAIN

from . import install, names, package

_ACCOUNTS = ("/etc/passwd", "/etc/group")
"""Not by content: the users of the policy are asked for one by one, and its rules hold numbers."""


def write(
    host: Host, policy: CompiledTable, request: ChangeRequest, settings: Settings, *, units: Units, digest: str
) -> None:
    """Record the host as it is, if it is right. With a pending change: as it is once that is confirmed.

    digest: of the arguments, by which the next run knows whether they are the same. What cannot be recorded is left:
    then the next run is a whole one.
    """
    # What only spares the next run must never stop this one, whose change may be pending.
    with suppress(Exception):
        record = _record(host, policy, request, settings, units)
        if record is not None:
            files.write(host.paths.unchanged, json.dumps({"digest": digest, **record}).encode())


def _record(
    host: Host, policy: CompiledTable, request: ChangeRequest, settings: Settings, units: Units
) -> dict[str, Any] | None:
    about = _about(host.paths, policy, settings, units)
    facts = unchanged.facts(about)
    before = host.table.generation()
    result = policy.preview()
    # Another path starts nft, whose scratch table is a commit: the next run proves itself by this one.
    right = not result["changed"] and result["path"] == "fast" and not result["warnings"]
    if not right or install.install(host.paths, settings, units, systemd=bool(about["held"]), check=True):
        return None
    if host.paths.pending.exists():
        facts["files"] = _once_confirmed(host.paths, facts["files"])
    elif confirmed_policy.save(host, request, check=True):
        return None
    with closing(unchanged.Kernel()) as kernel:
        generation, table = kernel.table(request.others)
    if generation != before:
        return None
    for name in ("present", "held"):
        facts[name] = dict.fromkeys(about[name], True)
    kept = {key: result[key] for key in ("missing_users", "nft_version")}
    kept["missing_units"] = unit_files.missing(units)
    kept["names_without_address"] = resolver_document.without_address(host.paths, wait=False)
    return {
        "about": about,
        "facts": facts,
        "generation": generation,
        "table": table,
        "others": list(request.others),
        "result": kept,
    }


def _about(paths: Paths, policy: CompiledTable, settings: Settings, units: Units) -> dict[str, Any]:
    """Return what to look at, see unchanged.facts."""
    systemd = clock.systemd_runs(paths)
    written = [
        *install.paths_of(paths, settings, units, systemd=systemd),
        paths.confirmed,
        paths.candidate,
        paths.pending,
        *names.files_of(paths, package.interpreter()),
        paths.resolver / WITHOUT_FILE,
        *sorted(paths.state.glob(paths.failsafe_record("*").name)),
    ]
    accounts = [path for path in proof.NAMES if path not in _ACCOUNTS]
    asked = (resolvers.FILE, resolvers.UPSTREAM) if policy.asks_for_resolvers() else ()
    return {
        "paths": [*map(str, written), *accounts, *asked],
        "stamps": [find_nft()],
        "present": [str(paths.last_loaded)],
        "held": [str(paths.watcher_lock)] if systemd else [],
        "empty": [str(paths.run)],
        "users": policy.users(),
        "units": {unit: unit_files.places(unit) for of_set in units.values() for unit in of_set},
        "routed": policy.has_chain(FORWARD_CHAIN),
    }


def _once_confirmed(paths: Paths, contents: dict[str, Any]) -> dict[str, Any]:
    """Return the files as the confirmation leaves them: it renames the candidate and ends the pending change."""
    candidate = contents[str(paths.candidate)]
    return {**contents, str(paths.confirmed): candidate, str(paths.candidate): None, str(paths.pending): None}
