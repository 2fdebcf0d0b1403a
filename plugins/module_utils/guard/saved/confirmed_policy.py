# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy that a boot loads, and what is loaded where that fails."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import blocks, restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import bootable, observes, shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import failsafe, history, journal, last_loaded, records, settings
from .records import Record
from .request import ChangeRequest


def read(paths: Paths) -> Record | None:
    """Return the confirmed policy, None when there is none or it is damaged."""
    with contextlib.suppress(GuardError):
        return records.load(paths.confirmed)
    return None


def others(paths: Paths) -> tuple[str, ...]:
    """Return the sets whose elements the confirmed policy does not own."""
    record = read(paths)
    return record.others if record is not None else ()


def record_of(listing: str, token: str, request: ChangeRequest, nft_version: str) -> Record:
    """Return a listed table as the record of a policy."""
    return Record(
        listing=bootable(listing, request.others),
        token=token,
        who=request.who,
        what=request.what,
        when=time.time(),
        others=tuple(sorted(request.others)),
        spec=request.spec,
        nft_version=nft_version,
    )


def save(host: Host, request: ChangeRequest, *, listing: str | None = None, check: bool = False) -> bool:
    """Save the live table as this host's policy without a confirmation; return whether that (check: would) change it.

    listing: of the table, where the caller has it.
    """
    old = read(host.paths)
    if old is not None and (old.spec, old.others) == (request.spec or None, tuple(sorted(request.others))):
        # The table equals what this was compiled from; another nft may list it in other words.
        return False
    listing = listing or host.table.listing()
    if listing is None:
        raise GuardError("not_found", f"There is no table to save. {UNCHANGED}")
    if old is not None and shape(old.listing, request.others) == shape(listing, request.others):
        same = replace(old, spec=request.spec, others=tuple(sorted(request.others)))
        if same != old and not check:
            files.write(host.paths.confirmed, records.dump(same))
        return False
    if check:
        return True
    files.make_folder(host.paths.state)
    _save(host, record_of(listing, secrets.token_hex(8), request, host.table.nft_version))
    return True


def load(host: Host) -> Record | None:
    """Load the confirmed policy, unless it is live; return it, None when there is none.

    Raise GuardError when it is damaged or rejected.
    """
    record = records.load(host.paths.confirmed)
    if record is None:
        return None
    if shape(host.table.cached_listing(), record.others) != shape(record.listing, record.others):
        restore_record(host, record)
    write_last_loaded(host, record.others)
    return record


def restore_record(host: Host, record: Record) -> None:
    """Restore the table of a record, aged by the time since it was written."""
    restore.restore_table(host.table, record.listing, age(record), record.others, record.nft_version)


def age(record: Record) -> float:
    """Return the seconds since a record was written."""
    return max(0.0, time.time() - record.when)


def load_failsafe(host: Host, why: str) -> None:
    """Load the fail-safe table; raise EngineError when that fails too."""
    host.table.load(restore.script(failsafe.table(settings.read(host.paths))))
    write_last_loaded(host, ())
    journal.add(host.paths, "failsafe", why=why)


def last_resort(host: Host) -> str:
    """Load the confirmed policy, else the fail-safe table, where a table could not be restored; return which."""
    try:
        if load(host) is not None:
            return "The last confirmed policy was loaded instead."
        why = "there is no confirmed policy"
    except (GuardError, EngineError) as error:
        why = str(error)
    try:
        load_failsafe(host, why)
    except EngineError as error:
        return f"The fail-safe table could not be loaded either: {error}"
    return "The fail-safe table was loaded instead."


def write_last_loaded(host: Host, not_owned: tuple[str, ...]) -> None:
    """Write the live table down as the one that the guard loaded last."""
    with contextlib.suppress(EngineError):
        last_loaded.write(host.paths, shape(host.table.cached_listing(), not_owned), host.table.nft_version, not_owned)


def return_to(host: Host, record: Record, who: str) -> None:
    """Make an earlier policy the confirmed one, without a confirmation."""
    restore_record(host, record)
    listing = blocks.render(restore.aged(blocks.parse(record.listing), age(record)))
    what = description_of_return(record)
    _save(host, replace(record, listing=listing, token=secrets.token_hex(8), who=who, what=what, when=time.time()))
    # Whether the fail-safe table rejects goes with the policy.
    with contextlib.suppress(GuardError):
        mode = "observe" if observes(listing) else "enforce"
        failsafe.write(host.paths, replace(settings.read(host.paths), mode=mode))


def description_of_return(record: Record) -> str:
    """Return the history's description of a return to an earlier policy."""
    return f"back to the policy of {clock.utc(record.when)}" + (f" ({record.what})" if record.what else "")


def _save(host: Host, record: Record) -> None:
    history.keep(host.paths)
    files.write(host.paths.confirmed, records.dump(record))
    write_last_loaded(host, record.others)
    journal.add(host.paths, "saved", token=record.token, who=record.who, what=record.what)
