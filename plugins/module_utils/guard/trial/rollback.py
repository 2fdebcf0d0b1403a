# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is not to stay. Whoever calls these holds the lock."""

from __future__ import annotations

import time
from contextlib import suppress

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Places
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe,
    journal,
    pending,
    records,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.table import Kernel
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import timer

_MORE_ATTEMPTS = 2
_PAUSE = 1.0
STUCK = 30.0
"""Seconds after its time at which a guard that lives and does not have the lock is taken for stuck.

Such as a timer of systemd after the machine slept, or a process that somebody stopped.
"""


def take_back(places: Places, kernel: Kernel, change: Pending, why: str) -> None:
    """Put the table back that stood before the change, and take the change off trial.

    Raise GuardError (not_restored) when something else had to be loaded, which the message names.
    """
    if is_confirmed(places, change):
        tidy(places, change)
        return
    others = tuple(sorted({*change.others, *confirmed_policy.others(places)}))
    trouble = _put_back(places, kernel, change, others)
    if not trouble:
        confirmed_policy.note_loaded(places, kernel, others)
    timer.disarm(places, change)
    try:
        _void(places, change)
    except GuardError as error:
        stands = trouble or "The old policy stands again."
        raise GuardError(
            error.reason, f"{stands} That a change is on trial is still written down, since {error.message}"
        ) from error
    journal.note(places, "restored", token=change.token, who=change.who, what=change.what, why=why, trouble=trouble)
    if trouble:
        raise GuardError("not_restored", trouble)


def fire(places: Places, kernel: Kernel, token: str, why: str) -> bool:
    """What the guard does when its time has come: whether there was anything to do."""
    change = pending.read(places)
    if change is None or change.token != token:
        return False
    take_back(places, kernel, change, why)
    return True


def by_nft_alone(places: Places, kernel: Kernel) -> None:
    """Load the way back as it was written down, when this program itself fails: plain nft, no ageing, no comparison."""
    text = files.read(places.snapshot)
    if text is not None:
        kernel.load(text)


def recover(places: Places, kernel: Kernel) -> str:
    """Deal with a change whose guard is gone or stuck; return what was done, "" when nothing had to be.

    Raise GuardError (pending) for a change that is really on trial.
    """
    change = pending.read(places)
    if change is None:
        return ""
    if is_confirmed(places, change):
        tidy(places, change)
        return ""
    who = change.who or "somebody"
    if not change.ours:
        forget(places, kernel, change)
        return f"The host was restarted before the change by {who} from {change.since} was confirmed: it is void."
    alive = timer.alive(places, change)
    if alive and change.seconds > -STUCK:
        raise pending.refusal(change)
    why = "its guard was stuck" if alive else "its guard was gone"
    take_back(places, kernel, change, why)
    return f"The change by {who} from {change.since} was never confirmed and {why}: it was put back."


def forget(places: Places, kernel: Kernel, change: Pending) -> None:
    """Deal with a change of an earlier life of the host: what was confirmed counts, and nothing else."""
    if kernel.stands():
        try:
            if confirmed_policy.load(places, kernel) is None:
                restore.put_back(kernel, None, 0.0, ())
        except (GuardError, EngineError) as error:
            confirmed_policy.load_failsafe(places, kernel, str(error))
    reverted(places, change)


def reverted(places: Places, change: Pending) -> None:
    """Write down that a reboot ended a change that nobody had confirmed."""
    _void(places, change)
    journal.note(places, "reverted", token=change.token, who=change.who, what=change.what)


def is_confirmed(places: Places, change: Pending) -> bool:
    """Whether a change was confirmed, and only its traces are left."""
    record = confirmed_policy.read(places)
    return record is not None and change.token != "" and record.token == change.token


def tidy(places: Places, change: Pending) -> None:
    """Do what is left of a confirmation that was cut short right after its deciding step."""
    timer.disarm(places, change)
    pending.remove(places)
    journal.note(places, "confirmed", token=change.token, who=change.who, what=change.what)


def _void(places: Places, change: Pending) -> None:
    """Take a change off trial that is to leave no trace: its settings go with it."""
    if change.settings:
        with suppress(GuardError):
            failsafe.keep(places, settings.load(change.settings))
    pending.remove(places)


def _put_back(places: Places, kernel: Kernel, change: Pending, others: tuple[str, ...]) -> str:
    """Return "" or what else was loaded, and why."""
    said = _attempt(places, kernel, change, others)
    for _again in range(_MORE_ATTEMPTS):
        if not said:
            return ""
        time.sleep(_PAUSE)
        said = _attempt(places, kernel, change, others)
    return f"{said} {confirmed_policy.last_resort(places, kernel)}" if said else ""


def _attempt(places: Places, kernel: Kernel, change: Pending, others: tuple[str, ...]) -> str:
    """Return what went wrong, "" when nothing did."""
    try:
        listing = _snapshot(places)
        if not _untouched(kernel, change, listing):
            restore.put_back(kernel, listing, clock.clock() - change.taken, others)
    except (GuardError, EngineError, NetlinkError) as error:
        return str(error)
    return ""


def _snapshot(places: Places) -> str | None:
    text = files.read(places.snapshot)
    if text is None or not text.startswith(records.script("")):
        raise GuardError("damaged", f"{places.snapshot}, the table as it was, is gone or damaged.")
    return text[len(records.script("")) :] or None


def _untouched(kernel: Kernel, change: Pending, listing: str | None) -> bool:
    """Whether the change never came into the kernel: then handles and counters are worth more than a perfect copy."""
    if kernel.generation() == change.generation:
        return True
    try:
        return shape(kernel.standing(), (), temporary=True) == shape(listing, (), temporary=True)
    except GuardError:
        return False
