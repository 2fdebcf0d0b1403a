# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy that a boot loads, and what is loaded when it cannot be."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import listing as words
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import compiled, observes, shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import failsafe, history, journal, last_loaded, records, settings
from .records import Record


@dataclass(frozen=True)
class Request:
    """A policy that somebody wants.

    who: the controller's user; what: for the history; others: sets whose elements
    are not the policy's; spec: checksum of what it is compiled from.
    """

    who: str = ""
    what: str = ""
    others: tuple[str, ...] = ()
    spec: str = ""


def read(paths: Paths) -> Record | None:
    """Return the confirmed policy, None when there is none or it is damaged."""
    with contextlib.suppress(GuardError):
        return records.load(paths.confirmed)
    return None


def others(paths: Paths) -> tuple[str, ...]:
    """Return the sets whose elements the confirmed policy leaves to others."""
    record = read(paths)
    return record.others if record is not None else ()


def record_of(listing: str, token: str, request: Request, nft: str) -> Record:
    """Return a listed table as the record of a policy."""
    return Record(
        listing=compiled(listing, request.others),
        token=token,
        who=request.who,
        what=request.what,
        when=time.time(),
        others=tuple(sorted(request.others)),
        spec=request.spec,
        nft=nft,
    )


def save(host: Host, request: Request, *, listing: str | None = None, check: bool = False) -> bool:
    """Save the table that stands as the policy of this host, without a trial; whether that was (check: is) news.

    listing: of the table, when that was looked at already.
    """
    old = read(host.paths)
    if old is not None and (old.spec, old.others) == (request.spec or None, tuple(sorted(request.others))):
        # The table was just found equal to what this was compiled from; another nft may list it in other words.
        return False
    listing = listing or host.table.listing()
    if listing is None:
        raise GuardError("not_found", f"There is no table to be saved. {UNCHANGED}")
    if old is not None and shape(old.listing, request.others) == shape(listing, request.others):
        same = replace(old, spec=request.spec, others=tuple(sorted(request.others)))
        if same != old and not check:
            files.write(host.paths.confirmed, records.dump(same))
        return False
    if check:
        return True
    files.folder(host.paths.state)
    made = record_of(listing, secrets.token_hex(8), request, host.table.version)
    history.keep(host.paths)
    files.write(host.paths.confirmed, records.dump(made))
    note_loaded(host, made.others)
    journal.note(host.paths, "saved", token=made.token, who=made.who, what=made.what)
    return True


def load(host: Host) -> Record | None:
    """Load the confirmed policy, unless it stands already; return it, None when there is none.

    Raise GuardError when it is damaged or refused.
    """
    record = records.load(host.paths.confirmed)
    if record is not None and shape(host.table.standing(), record.others) != shape(record.listing, record.others):
        restore.put_back(host.table, record.listing, max(0.0, time.time() - record.when), record.others, record.nft)
    if record is not None:
        note_loaded(host, record.others)
    return record


def load_failsafe(host: Host, why: str) -> None:
    """Load the fail-safe table. Raise EngineError when not even that can be."""
    host.table.load(restore.script(failsafe.table(settings.read(host.paths))))
    note_loaded(host, ())
    journal.note(host.paths, "failsafe", why=why)


def last_resort(host: Host) -> str:
    """When a table cannot be put back: load the confirmed policy, else the fail-safe table; say which."""
    try:
        if load(host) is not None:
            return "The last confirmed policy was loaded instead."
        why = "there is no confirmed policy"
    except (GuardError, EngineError) as error:
        why = str(error)
    try:
        load_failsafe(host, why)
    except EngineError as error:
        return f"Nor could the fail-safe table be loaded: {error}"
    return "The fail-safe table was loaded instead."


def note_loaded(host: Host, whose: tuple[str, ...]) -> None:
    """Write down what the kernel has now as ours."""
    with contextlib.suppress(EngineError):
        last_loaded.note(host.paths, shape(host.table.standing(), whose), host.table.version, whose)


def adopt(host: Host, record: Record, who: str) -> None:
    """Make an earlier policy the host's own, without a trial."""
    age = max(0.0, time.time() - record.when)
    restore.put_back(host.table, record.listing, age, record.others, record.nft)
    listing = words.render(restore.older(words.parse(record.listing), age))
    what, token = back_to(record), secrets.token_hex(8)
    made = replace(record, listing=listing, token=token, who=who, what=what, when=time.time())
    history.keep(host.paths)
    files.write(host.paths.confirmed, records.dump(made))
    # Whether the fail-safe table refuses goes with the policy.
    with contextlib.suppress(GuardError):
        failsafe.keep(
            host.paths, replace(settings.read(host.paths), mode="observe" if observes(listing) else "enforce")
        )
    note_loaded(host, record.others)
    journal.note(host.paths, "saved", token=made.token, who=who, what=made.what)


def back_to(record: Record) -> str:
    """Return what a return to an earlier policy is called."""
    return f"back to the policy of {clock.utc(record.when)}" + (f" ({record.what})" if record.what else "")
