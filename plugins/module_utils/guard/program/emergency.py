# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emergencies: accept everything, or nothing but the floor, for some minutes.

An emergency is a change that cannot be confirmed, so the rollback timer or a reboot ends it.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import PendingChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import blocks, restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import owned_by_others
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE_TEXT

OPEN, CLOSE = "open", "close"
MAX_MINUTES = 24 * 60


def begin(host: Host, kind: str, minutes: int, who: str, what: str) -> tuple[str, PendingChange]:
    """Open or close everything; return what was done about an earlier change, and the pending change.

    Raise TidegateError; then the table is unchanged or was restored.
    """
    with exclusive(host.paths):
        recovered = rollback.recover(host)
        request = ChangeRequest(who, what, confirmed_policy.others(host.paths))
        return recovered, _begin(host, kind, minutes, request)


def _begin(host: Host, kind: str, minutes: int, request: ChangeRequest) -> PendingChange:
    if not 1 <= minutes <= MAX_MINUTES:
        raise GuardError("bad_request", f"minutes: {minutes} is not in 1 to {MAX_MINUTES}. {UNCHANGED}")
    text = host.table.listing()
    if text is None:
        raise GuardError("not_found", f"There is no egress policy on this host, so nothing to {kind}. {UNCHANGED}")
    script = _opening(text) if kind == OPEN else _closing(host.paths, text, request.others)
    change = commit_confirm.begin(host, request, seconds=minutes * 60.0, kind="emergency")
    try:
        host.table.load(script)
    except EngineError as error:
        rollback.roll_back(host, change, f"it could not be loaded: {error}")
        raise
    journal.add(host.paths, "emergency", token=change.token, who=request.who, what=request.what)
    return change


def _opening(text: str) -> str:
    """Return the script that inserts an accept before the rules of every base chain; ledger and counters stay."""
    chains = [
        block.name
        for block in blocks.parse(text).blocks
        if block.kind == "chain" and block.lines[:1] and block.lines[0].startswith("type ")
    ]
    return "".join(f'insert rule {TABLE_TEXT} {name} counter accept comment "emergency: open"\n' for name in chains)


def _closing(paths: Paths, text: str, others: tuple[str, ...]) -> str:
    """Return the script that leaves the floor, and the sets whose elements the policy does not own."""
    saved = settings.read(paths)
    floor = blocks.parse(failsafe.table(Settings(saved.drift, "enforce", saved.dns, saved.ntp)))
    live = blocks.parse(text)
    kept = [block.name for block in live.blocks if block.kind == "set" and owned_by_others(block, others)]
    if not kept:
        return restore.script(blocks.render(floor))
    return restore.replace_around(live, floor, kept)
