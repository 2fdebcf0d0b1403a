# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is not to stay. Whoever calls these holds the lock."""

from __future__ import annotations

import time
from contextlib import suppress

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    pending,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import timer

_MORE_ATTEMPTS = 2
_PAUSE = 1.0
STUCK = 30.0
"""Seconds after its time at which a guard that lives and does not have the lock is taken for stuck.

Such as a timer of systemd after the machine slept, or a process that somebody stopped.
"""


def take_back(host: Host, change: Pending, why: str) -> None:
    """Put the table back that stood before the change, and take the change off trial.

    Raise GuardError (not_restored) when something else had to be loaded, which the message names.
    """
    if is_confirmed(host.paths, change):
        tidy(host.paths, change)
        return
    others = tuple(sorted({*change.others, *confirmed_policy.others(host.paths)}))
    trouble = _put_back(host, change, others)
    if not trouble:
        confirmed_policy.note_loaded(host, others)
    timer.disarm(host.paths, change)
    try:
        _void(host.paths, change)
    except GuardError as error:
        stands = trouble or "The old policy stands again."
        raise GuardError(
            error.reason, f"{stands} That a change is on trial is still written down, since {error.message}"
        ) from error
    journal.note(host.paths, "restored", token=change.token, who=change.who, what=change.what, why=why, trouble=trouble)
    if trouble:
        raise GuardError("not_restored", trouble)


def fire(host: Host, token: str, why: str) -> bool:
    """What the guard does when its time has come: whether there was anything to do."""
    change = pending.read(host.paths)
    if change is None or change.token != token:
        return False
    take_back(host, change, why)
    return True


def by_nft_alone(host: Host) -> None:
    """Load the way back as it was written down, when this program itself fails: plain nft, no ageing, no comparison."""
    text = files.read(host.paths.snapshot)
    if text is not None:
        host.table.load(text)


def recover(host: Host) -> str:
    """Deal with a change whose guard is gone or stuck; return what was done, "" when nothing had to be.

    Raise GuardError (pending) for a change that is really on trial.
    """
    change = pending.read(host.paths)
    if change is None:
        return ""
    if is_confirmed(host.paths, change):
        tidy(host.paths, change)
        return ""
    who = change.who or "somebody"
    if not change.of_this_boot:
        forget(host, change)
        return f"The host was restarted before the change by {who} from {change.since} was confirmed: it is void."
    alive = timer.alive(host.paths, change)
    if alive and change.seconds > -STUCK:
        raise pending.refusal(change)
    why = "its guard was stuck" if alive else "its guard was gone"
    take_back(host, change, why)
    return f"The change by {who} from {change.since} was never confirmed and {why}: it was put back."


def forget(host: Host, change: Pending) -> None:
    """Deal with a change of an earlier life of the host: what was confirmed counts, and nothing else."""
    if host.table.stands():
        try:
            if confirmed_policy.load(host) is None:
                restore.put_back(host.table, None, 0.0, ())
        except (GuardError, EngineError) as error:
            confirmed_policy.load_failsafe(host, str(error))
    reverted(host.paths, change)


def reverted(paths: Paths, change: Pending) -> None:
    """Write down that a reboot ended a change that nobody had confirmed."""
    _void(paths, change)
    journal.note(paths, "reverted", token=change.token, who=change.who, what=change.what)


def is_confirmed(paths: Paths, change: Pending) -> bool:
    """Whether a change was confirmed, and only its traces are left."""
    record = confirmed_policy.read(paths)
    return record is not None and change.token != "" and record.token == change.token


def tidy(paths: Paths, change: Pending) -> None:
    """Do what is left of a confirmation that was cut short right after its deciding step."""
    timer.disarm(paths, change)
    pending.remove(paths)
    journal.note(paths, "confirmed", token=change.token, who=change.who, what=change.what)


def _void(paths: Paths, change: Pending) -> None:
    """Take a change off trial that is to leave no trace: its settings go with it."""
    if change.settings:
        with suppress(GuardError):
            failsafe.keep(paths, settings.load(change.settings))
    pending.remove(paths)


def _put_back(host: Host, change: Pending, others: tuple[str, ...]) -> str:
    """Return "" or what else was loaded, and why."""
    said = _attempt(host, change, others)
    for _again in range(_MORE_ATTEMPTS):
        if not said:
            return ""
        time.sleep(_PAUSE)
        said = _attempt(host, change, others)
    return f"{said} {confirmed_policy.last_resort(host)}" if said else ""


def _attempt(host: Host, change: Pending, others: tuple[str, ...]) -> str:
    """Return what went wrong, "" when nothing did."""
    try:
        listing = _snapshot(host.paths)
        if not _untouched(host.table, change, listing):
            restore.put_back(host.table, listing, clock.clock() - change.taken, others)
    except (GuardError, EngineError, NetlinkError) as error:
        return str(error)
    return ""


def _snapshot(paths: Paths) -> str | None:
    text = files.read(paths.snapshot)
    if text is None or not text.startswith(restore.script("")):
        raise GuardError("damaged", f"{paths.snapshot}, the table as it was, is gone or damaged.")
    return text[len(restore.script("")) :] or None


def _untouched(table: LiveTable, change: Pending, listing: str | None) -> bool:
    """Whether the change never came into the kernel: then handles and counters are worth more than a perfect copy."""
    if table.generation() == change.generation:
        return True
    try:
        return shape(table.standing(), (), temporary=True) == shape(listing, (), temporary=True)
    except GuardError:
        return False
