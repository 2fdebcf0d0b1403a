# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emergencies: everything open, or everything closed but the floor, for some minutes and never longer.

Both are changes that nobody confirms, so their end is the guard's, and a reboot ends them too.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.confirmed_policy import Request
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import listing as words
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import owned_by_others
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

OPEN, CLOSE = "open", "close"
LONGEST = 24 * 60
"""Minutes; who needs longer changes the policy."""


def declare(host: Host, which: str, minutes: int, request: Request) -> Pending:
    """Open or close everything. The caller holds the lock and saw to it that nothing is on trial.

    Raise GuardError, with nothing changed or the old table put back.
    """
    if not 1 <= minutes <= LONGEST:
        raise GuardError("bad_request", f"minutes: {minutes} is not in 1 to {LONGEST}. {UNCHANGED}")
    text = host.table.listing()
    if text is None:
        raise GuardError("not_found", f"There is no egress policy on this host, so nothing to {which}. {UNCHANGED}")
    script = _opening(text) if which == OPEN else _closing(host.paths, text, request.others)
    pending = commit_confirm.begin(host, request, commit_confirm.Trial(minutes * 60.0, kind="emergency"))
    try:
        host.table.load(script)
    except EngineError as error:
        rollback.take_back(host, pending, f"it could not be loaded: {error}")
        raise
    journal.note(host.paths, "emergency", token=pending.token, who=request.who, what=request.what)
    return pending


def _opening(text: str) -> str:
    """Return the script that puts an accept in front of every base chain; the ledger and counters stay."""
    table = " ".join(TABLE)
    chains = [
        block.name
        for block in words.parse(text).blocks
        if block.kind == "chain" and block.lines[:1] and "\t\ttype " in block.lines[0]
    ]
    return "".join(f'insert rule {table} {name} counter accept comment "emergency: open"\n' for name in chains)


def _closing(paths: Paths, text: str, others: tuple[str, ...]) -> str:
    """Return the script that leaves nothing but the floor, and the sets whose elements are not ours."""
    known = settings.read(paths)
    floor = words.parse(failsafe.table(Settings(known.drift, "enforce", known.dns, known.ntp)))
    live = words.parse(text)
    whose = {*others, *confirmed_policy.others(paths)}
    kept = [block for block in live.blocks if block.kind == "set" and owned_by_others(block, whose)]
    if not kept:
        return restore.script(words.render(floor))
    return restore.around(live, floor, [block.name for block in kept])
