# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change from its beginning to its confirmation. Whoever calls these holds the lock."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    journal,
    pending,
    records,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.confirmed_policy import Request
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import listing as words
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import rollback, timer

_ROOM = 256 * 1024
"""Bytes kept free for the policy to come, beside twice the larger of what stands and what was asked for."""


@dataclass(frozen=True)
class Trial:
    """How a change is tried. seconds: until the guard acts; size: bytes of what was asked for; others: see Pending."""

    seconds: float
    size: int = 0
    kind: str = "change"
    settings: str = ""


def begin(host: Host, request: Request, trial: Trial) -> Pending:
    """Make sure of the way back and arm the guard. Raise GuardError while nothing was changed."""
    files.folder(host.paths.state)
    files.folder(host.paths.run)
    generation = host.table.generation()
    listing = host.table.listing()
    taken = clock.clock()
    script = restore.script(listing or "")
    if listing is not None:
        _passable(host.table, script)
    made = Pending(
        token=secrets.token_hex(8),
        kind=trial.kind,
        who=request.who,
        what=request.what,
        since=clock.utc(),
        taken=taken,
        deadline=taken + trial.seconds,
        boot_id=clock.boot_id(),
        generation=generation,
        guard=timer.kind(host.paths),
        others=tuple(sorted({*request.others, *confirmed_policy.others(host.paths)})),
        spec=request.spec,
        settings=trial.settings,
    )
    try:
        files.write(host.paths.snapshot, script.encode("utf-8", "surrogateescape"))
        if trial.kind == "change":
            # An emergency is never confirmed; on a host whose disk is full somebody must be able to let its logs out.
            files.reserve(host.paths.candidate, 2 * max(len(script), trial.size) + _ROOM)
        pending.write(host.paths, made)
        timer.arm(host.paths, made)
    except GuardError:
        for path in pending.files_of(host.paths):
            with contextlib.suppress(GuardError):
                files.remove(path)
        raise
    return made


def loaded_new(host: Host, change: Pending, request: Request) -> None:
    """Write down what the change made of the table, ready to be confirmed."""
    if pending.read(host.paths) != change:
        raise GuardError(
            "too_late", "The guard had to act while the change was still being loaded. Allow it more time."
        )
    listing = host.table.listing()
    if listing is None:
        raise GuardError("changed_meanwhile", "The table that was just loaded is gone.")
    record = confirmed_policy.record_of(listing, change.token, request, host.table.version)
    files.fill(host.paths.candidate, records.dump(record))


def confirm(host: Host, token: str) -> Record:
    """Make the change that is on trial the policy of this host. A change that is confirmed already stays so."""
    change = pending.read(host.paths)
    already = confirmed_policy.read(host.paths)
    if already is not None and already.token == token:
        if change is not None and change.token == token:
            rollback.tidy(host.paths, change)
        return already
    if change is None or change.token != token:
        raise _not_on_trial(host.paths, change, token)
    record = records.load(host.paths.candidate) if change.kind == "change" else None
    if record is None or record.token != token:
        raise GuardError("not_pending", f"This change is not meant to stay, so it cannot be confirmed. {UNCHANGED}")
    if shape(host.table.standing(), record.others) != shape(record.listing, record.others):
        raise GuardError(
            "changed_meanwhile",
            "Somebody else wrote to the table while the change was on trial, so that what was tried is not "
            "what stands.",
        )
    history.keep(host.paths)
    # The one step that decides: before it the old policy counts, after it the new one.
    try:
        files.move(host.paths.candidate, host.paths.confirmed)
    except OSError as error:
        if not rollback.is_confirmed(host.paths, change):
            message = f"The policy cannot be saved as {host.paths.confirmed}: {error.strerror}."
            raise GuardError("cannot_write", message) from error
    rollback.tidy(host.paths, change)
    confirmed_policy.note_loaded(host, record.others)
    return record


def _passable(table: LiveTable, script: str) -> None:
    """Have nft and the kernel say that they would load the way back."""
    try:
        words.parse(script[len(restore.script("")) :])
        table.load(script, check=True)
    except (EngineError, GuardError) as error:
        raise GuardError(
            "no_way_back",
            f"The table that stands could not be put back, so it is not touched: {error.message} Remove what nft "
            "cannot load again, or run once with egress_confirm: false.",
        ) from error


def _not_on_trial(paths: Paths, change: Pending | None, token: str) -> GuardError:
    fate = journal.fate(paths, token)
    if fate is not None and fate["event"] in ("restored", "reverted"):
        return GuardError(
            "too_late",
            f"The change was put back at {fate['when']} ({fate.get('why', 'the host was restarted')}): the old policy "
            "stands. A host that is slow needs a longer egress_confirm_timeout.",
        )
    other = "" if change is None else f" On trial is a change by {change.who or 'somebody'} from {change.since}."
    return GuardError("not_pending", f"There is no such change on trial on this host.{other} {UNCHANGED}")
