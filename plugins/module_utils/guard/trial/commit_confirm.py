# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change from its beginning to its confirmation. The caller holds the lock."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import replace
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    journal,
    pending,
    recorded_content,
    records,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import PendingChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot, put

from . import rollback, timer

_SPARE = 256 * 1024
"""Bytes reserved for the new policy, besides four times the larger of the live table and the request."""


def begin(
    host: Host,
    request: ChangeRequest,
    *,
    seconds: float,
    size: int = 0,
    kind: Literal["change", "emergency"] = "change",
    settings: str = "",
    names: str | None = None,
) -> PendingChange:
    """Prepare the rollback and start its timer; raise GuardError when that fails, with the table unchanged.

    seconds: until the rollback; size: bytes of the request; kind, settings, names: see PendingChange.
    """
    files.make_folder(host.paths.state)
    files.make_folder(host.paths.run)
    snapshot = host.table.snapshot()
    snapshot_at = clock.uptime()
    if snapshot is not None:
        _need_restorable(snapshot)
    messages = snapshot.to_bytes() if snapshot is not None else b""
    change = PendingChange(
        token=secrets.token_hex(8),
        kind=kind,
        who=request.who,
        what=request.what,
        since=clock.utc(),
        snapshot_at=snapshot_at,
        deadline=snapshot_at + seconds,
        boot_id=clock.boot_id(),
        timer=timer.kind(host.paths),
        others=tuple(sorted({*request.others, *confirmed_policy.others(host.paths)})),
        spec=request.spec,
        settings=settings,
        names=names,
    )
    try:
        files.write(host.paths.snapshot, messages)
        if kind == "change":
            # An emergency is never confirmed, and a host with a full disk must be able to begin one.
            files.reserve(host.paths.candidate, 4 * max(len(messages), size) + _SPARE)
        pending.write(host.paths, change)
        timer.start(host.paths, change)
    except GuardError:
        for path in pending.files_of(host.paths):
            with contextlib.suppress(GuardError):
                files.remove(path)
        raise
    return change


def write_candidate(host: Host, change: PendingChange, request: ChangeRequest) -> None:
    """Write down the changed table, ready to be confirmed."""
    if pending.read(host.paths) != change:
        raise GuardError(
            "too_late",
            "The change was rolled back while it was being loaded. Fix: allow more time (egress_confirm_timeout).",
        )
    table = host.table.as_saved(request.others)
    if table is None:
        raise GuardError("changed_meanwhile", "Another program deleted the table right after it was loaded.")
    record = confirmed_policy.record_of(host, *table, change.token, request)
    files.fill(host.paths.candidate, records.dump(record))


def confirm(host: Host, token: str, *, what: str = "") -> Record:
    """Make the pending change the confirmed policy; return that one also when it is confirmed already.

    what: description of the change, where the controller knows more than when it began.
    """
    change = pending.read(host.paths)
    confirmed = confirmed_policy.read(host.paths)
    if confirmed is not None and confirmed.token == token:
        if change is not None and change.token == token:
            rollback.finish_confirmation(host.paths, change)
        return confirmed
    if change is None or change.token != token:
        raise _not_pending(host.paths, change, token)
    record = records.load(host.paths.candidate) if change.kind == "change" else None
    if record is None or record.token != token:
        raise GuardError("not_pending", f"An emergency ends by itself and cannot be confirmed. {UNCHANGED}")
    if not confirmed_policy.is_live(host, record):
        raise GuardError(
            "changed_meanwhile",
            "Another program changed the table while the change was pending, so the live table is not the tested one.",
        )
    described = replace(record, what=what or record.what)
    # A full disk must not stop a confirmation for the sake of its words.
    with contextlib.suppress(GuardError):
        if described != record:
            with recorded_content.followed(host.paths):
                files.write(host.paths.candidate, records.dump(described))
            record = described
    history.keep(host.paths)
    try:
        # The deciding step: before it the old policy is valid, after it the new one.
        files.move(host.paths.candidate, host.paths.confirmed)
    except GuardError:
        if not rollback.is_confirmed(host.paths, change):
            raise
    rollback.finish_confirmation(host.paths, replace(change, what=record.what))
    confirmed_policy.write_last_loaded(host, record.others)
    return record


def _need_restorable(snapshot: TableSnapshot) -> None:
    """Raise GuardError (no_way_back) when the kernel would not take the live table again."""
    try:
        put(snapshot, dry_run=True)
    except NetlinkError as error:
        raise GuardError(
            "no_way_back",
            f"The live table could not be restored after a change, so it was not changed: {error.message} Fix: remove "
            "what the kernel does not take again, or run once with egress_confirm: false.",
        ) from error


def _not_pending(paths: Paths, change: PendingChange | None, token: str) -> GuardError:
    event = journal.last_event(paths, token)
    if event is not None and event["event"] in ("restored", "reverted"):
        return GuardError(
            "too_late",
            f"The change was rolled back at {event['when']} ({event.get('why', 'the host was restarted')}): the old "
            "policy is loaded. Fix: on a slow host, raise egress_confirm_timeout.",
        )
    other = ""
    if change is not None:
        other = f" A change by {change.who or 'an unknown user'} from {change.since} is pending."
    return GuardError("not_pending", f"This change is not pending on this host.{other} {UNCHANGED}")
