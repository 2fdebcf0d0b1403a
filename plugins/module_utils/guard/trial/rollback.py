# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll back a pending change, or finish what is left of one. The caller holds the lock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files, systemd_units
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    pending,
    resolver_document,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import PendingChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore, unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MissingCapability
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot, from_bytes, put

from . import timer

STUCK = 30.0
"""Seconds after its deadline at which a rollback timer that runs and does not hold the lock counts as stuck.

Such as a systemd timer after the machine was suspended, or a stopped process.
"""

_REFUSED = 5
"""Rejected flows that the journal has of a change that was rolled back."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two attempts to roll a change back; each pause is twice the one before."""


def roll_back(host: Host, change: PendingChange, why: str) -> None:
    """Restore the table that was live before the change, and end the change.

    Raise GuardError: not_restored when another table had to be loaded, which the message names; not_rolled_back when
    none could be loaded, and then the change stays pending, to be rolled back by whoever tries next.
    """
    if is_confirmed(host.paths, change):
        finish_confirmation(host.paths, change)
        return
    others = tuple(sorted({*change.others, *confirmed_policy.others(host.paths)}))
    refused = _refused_since(change)
    problem, instead = "", ""
    try:
        snapshot = unit_sets.filled(host.paths, _snapshot(host.paths))
        restore.restore_table(host.table, snapshot, clock.uptime() - change.snapshot_at, others)
    except MissingCapability:
        # Another process can, such as the rollback timer.
        raise
    except TidegateError as error:
        problem, instead = str(error), _load_instead(host, change, str(error), why)
    if not problem:
        confirmed_policy.write_last_loaded(host, others)
    timer.stop(host.paths, change)
    try:
        _end(host.paths, change)
    except GuardError as error:
        table = f"{problem} {instead}".strip() or "The old policy is loaded again."
        raise GuardError(
            error.reason, f"{table} The change is still recorded as pending, since {error.message}"
        ) from error
    journal.add(
        host.paths,
        "replaced" if problem else "restored",
        token=change.token,
        who=change.who,
        what=change.what,
        why=why,
        trouble=f"{problem} {instead}".strip(),
        refused=refused or None,
    )
    if problem:
        raise GuardError("not_restored", f"{problem} {instead}")


def _refused_since(change: PendingChange) -> list[str]:
    """Return the flows that the table rejected since the change began, the most frequent first."""
    try:
        age = clock.uptime() - change.snapshot_at
        lines = [line for line in denied_ledger.read().lines if not line.observed and line.seconds <= age]
        return [denied_ledger.flow(line) for line in lines[:_REFUSED]]
    except Exception:  # noqa: BLE001  # what is only said must never stand in the way back
        return []


def _load_instead(host: Host, change: PendingChange, problem: str, why: str) -> str:
    """Load another table than that before the change; return which. Raise GuardError (not_rolled_back) for none."""
    try:
        return confirmed_policy.last_resort(host)
    except TidegateError as error:
        trouble = f"{problem} {error}"
    if trouble != change.trouble:
        # Once for each cause: it is tried again and again.
        with suppress(GuardError):
            pending.write(host.paths, replace(change, trouble=trouble))
        journal.add(host.paths, "stuck", token=change.token, what=change.what, why=why, trouble=trouble)
    raise GuardError(
        "not_rolled_back", f"The change is still loaded, for it could not be rolled back; it is tried again. {trouble}"
    )


def roll_back_token(host: Host, token: str, why: str) -> bool:
    """Roll back the pending change with this token; return whether there is one."""
    change = pending.read(host.paths)
    if change is None or change.token != token:
        return False
    roll_back(host, change, why)
    return True


def load_snapshot(paths: Paths) -> None:
    """Load the snapshot as it is, for a fault in this program: elements are not aged, nothing is compared."""
    snapshot = _snapshot(paths)
    if snapshot is not None:
        put(snapshot)


def recover(host: Host) -> str:
    """Roll back a change whose timer is gone or stuck; return what was done, "" for nothing.

    Raise GuardError (pending) for a change whose timer runs.
    """
    change = pending.read(host.paths)
    if change is None:
        return ""
    if is_confirmed(host.paths, change):
        finish_confirmation(host.paths, change)
        return ""
    who = change.who or "an unknown user"
    if not change.of_this_boot:
        void(host, change)
        return f"The host was restarted before the change by {who} from {change.since} was confirmed, so it is void."
    running = timer.is_running(host.paths, change)
    if running and change.seconds_left > -STUCK:
        raise pending.already_pending(change)
    why = "its rollback timer was stuck" if running else "its rollback timer was gone"
    roll_back(host, change, why)
    return f"The change by {who} from {change.since} was never confirmed and {why}: it was rolled back."


def settle(host: Host, *, check: bool) -> str:
    """Recover before a run; in check mode only raise GuardError (pending) for a pending change."""
    if not check:
        return recover(host)
    need_no_pending_change(host.paths)
    return ""


def need_no_pending_change(paths: Paths) -> None:
    """Raise GuardError (pending) when a change of this boot is pending."""
    change = pending.read(paths)
    if change is not None and change.of_this_boot and not is_confirmed(paths, change):
        raise pending.already_pending(change)


def void(host: Host, change: PendingChange) -> None:
    """End a change of an earlier boot: only the confirmed policy is valid."""
    if host.table.exists():
        try:
            if confirmed_policy.load(host) is None:
                restore.restore_table(host.table, None, 0.0, ())
        except TidegateError as error:
            confirmed_policy.load_failsafe(host, str(error))
    end_by_reboot(host.paths, change)


def end_by_reboot(paths: Paths, change: PendingChange) -> None:
    """End a change that a reboot has undone."""
    _end(paths, change)
    journal.add(paths, "reverted", token=change.token, who=change.who, what=change.what)


def is_confirmed(paths: Paths, change: PendingChange) -> bool:
    """Return whether a change is confirmed, so that only its files are left to remove."""
    record = confirmed_policy.read(paths)
    return record is not None and change.token != "" and record.token == change.token


def finish_confirmation(paths: Paths, change: PendingChange) -> None:
    """Do what follows the deciding step of a confirmation."""
    timer.stop(paths, change)
    pending.remove(paths)
    journal.add(paths, "confirmed", token=change.token, who=change.who, what=change.what)


def _end(paths: Paths, change: PendingChange) -> None:
    """Remove a change and restore the settings and the resolver from before it."""
    if change.settings:
        with suppress(GuardError):
            failsafe.write(paths, settings.load(change.settings))
    if change.names is not None:
        with suppress(GuardError):
            resolver_document.restore(paths, change.names)
    if unit_sets.read(paths):
        systemd_units.run_apart(paths, systemd_units.SETTLE_UNITS)
    pending.remove(paths)


def _snapshot(paths: Paths) -> TableSnapshot | None:
    """Return the table before the change, None for no table."""
    content = files.read_bytes(paths.snapshot)
    if content is None:
        raise GuardError("damaged", f"{paths.snapshot}, the table before the change, is missing.")
    return from_bytes(content) if content else None
