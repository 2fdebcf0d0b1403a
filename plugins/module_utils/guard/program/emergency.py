# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emergencies: accept everything, or nothing but the floor, for some minutes.

An emergency is a change that cannot be confirmed, so the rollback timer or a reboot ends it. Another one takes its
place; what is restored in the end is the policy from before the first.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    pending,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import EMERGENCY, PendingChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import commit_confirm, rollback, timer
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import (
    TableSnapshot,
    insert_accept,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import holding

OPEN, CLOSE = "open", "close"
MAX_MINUTES = 24 * 60


def length(minutes: int) -> str:
    """Return a number of minutes for people."""
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def begin(host: Host, kind: str, minutes: int, who: str, why: str = "") -> tuple[str, PendingChange]:
    """Open or close everything; return what was done about an earlier change, and the pending change.

    Raise TidegateError; then the table is unchanged or was restored.
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise GuardError("bad_request", f"minutes: {minutes} is not in 1 to {MAX_MINUTES}. {UNCHANGED}")
    what = f"{EMERGENCY}{kind} for {length(minutes)}{f': {why}' if why else ''}"
    with exclusive(host.paths):
        request = ChangeRequest(who, what, confirmed_policy.others(host.paths))
        earlier = pending.read(host.paths)
        if earlier is not None and earlier.emergency and timer.is_running(host.paths, earlier):
            return "", _load(host, kind, _prolong(host, earlier, request, 60.0 * minutes), request)
        recovered = rollback.recover(host)
        if not host.table.exists():
            raise GuardError("not_found", f"There is no egress policy on this host, so nothing to {kind}. {UNCHANGED}")
        change = commit_confirm.begin(host, request, seconds=60.0 * minutes, kind="emergency")
        return recovered, _load(host, kind, change, request)


def _prolong(host: Host, earlier: PendingChange, request: ChangeRequest, seconds: float) -> PendingChange:
    """Put another end to an emergency; its snapshot stays, and there is always a timer that runs."""
    change = replace(
        earlier,
        token=secrets.token_hex(8),
        who=request.who,
        what=request.what,
        since=clock.utc(),
        deadline=clock.uptime() + seconds,
        trouble="",
    )
    pending.write(host.paths, change)
    try:
        timer.start(host.paths, change, instead_of=earlier)
    except GuardError:
        pending.write(host.paths, earlier)
        raise
    return change


def _load(host: Host, kind: str, change: PendingChange, request: ChangeRequest) -> PendingChange:
    try:
        live = host.table.snapshot()
        if live is None:
            raise GuardError("not_found", f"Another program deleted the table, so there is nothing to {kind}.")
        if kind == OPEN:
            insert_accept(live, "emergency: open")
        else:
            _close(host, live, request.others)
    except TidegateError as error:
        rollback.roll_back(host, change, f"it could not be loaded: {error}")
        raise
    journal.add(host.paths, "emergency", token=change.token, who=request.who, what=request.what)
    return change


def _close(host: Host, live: TableSnapshot, others: tuple[str, ...]) -> None:
    """Leave the floor, and the sets whose elements the policy does not own."""
    record = failsafe.record_of(host.paths, replace(settings.read(host.paths), mode="enforce"))
    if record.messages:
        restore.restore_table(host.table, holding(record.snapshot, live, others), 0.0, others)
    else:
        host.table.load(restore.script(record.listing))
