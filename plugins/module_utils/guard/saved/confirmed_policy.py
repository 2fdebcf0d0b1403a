# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy that a boot loads, and what is loaded where that fails."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore, unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import bootable, observes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import TableSnapshot
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import digest, zeroed

from . import failsafe, history, journal, last_loaded, records, running_time, settings
from .records import Record
from .request import ChangeRequest

PATIENCE = 60.0
"""Seconds that nft may take on a way back."""


def read(paths: Paths) -> Record | None:
    """Return the confirmed policy, None when there is none or it is damaged."""
    with contextlib.suppress(GuardError):
        return records.load(paths.confirmed)
    return None


def others(paths: Paths) -> tuple[str, ...]:
    """Return the sets whose elements the confirmed policy does not own."""
    record = read(paths)
    return record.others if record is not None else ()


def record_of(host: Host, listing: str, snapshot: TableSnapshot, token: str, request: ChangeRequest) -> Record:
    """Return a table as the record of a policy. snapshot: without the elements that the policy does not own."""
    return Record(
        listing=bootable(listing, request.others),
        messages=zeroed(snapshot).to_bytes(),
        token=token,
        who=request.who,
        what=request.what,
        when=time.time(),
        taken=time.time(),
        kernel=clock.kernel(),
        running_time=running_time.now(host.paths),
        others=tuple(sorted(request.others)),
        spec=request.spec,
        nft_version=host.table.nft_version,
        policy=request.policy,
    )


def save(
    host: Host, request: ChangeRequest, *, table: tuple[str, TableSnapshot] | None = None, check: bool = False
) -> bool:
    """Save the live table as this host's policy without a confirmation; return whether that (check: would) change it.

    table: as LiveTable.as_saved returns it, where the caller has it.
    """
    old = read(host.paths)
    if old is not None and old.kernel == clock.kernel():
        policy = request.policy or old.policy
        same = replace(old, spec=request.spec, others=tuple(sorted(request.others)), policy=policy)
        if same == old and old.spec:
            return False
        if is_live(host, same):
            if same != old and not check:
                files.write(host.paths.confirmed, records.dump(same))
            return False
    table = table or host.table.as_saved(request.others)
    if table is None:
        raise GuardError("not_found", f"There is no table to save. {UNCHANGED}")
    if check:
        return True
    files.make_folder(host.paths.state)
    _save(host, record_of(host, *table, secrets.token_hex(8), request))
    return True


def is_live(host: Host, record: Record) -> bool:
    """Return whether the live table is that of a record, but for what the policy does not own."""
    live = host.table.snapshot(record.others) if record.messages else None
    return live is not None and digest(live, record.others) == digest(record.snapshot, record.others)


def load(host: Host) -> Record | None:
    """Load the confirmed policy, unless it is live; return it, None when there is none.

    Raise GuardError when it is damaged or rejected.
    """
    record = records.load(host.paths.confirmed)
    if record is None:
        return None
    if not is_live(host, record):
        restore_record(host, record)
    write_last_loaded(host, record.others)
    return record


def restore_record(host: Host, record: Record) -> None:
    """Restore the table of a record, aged by the time since it was read; raise GuardError when that fails.

    By its messages; where another kernel wrote them down, nft is asked first, since it knows what it means.
    """
    first, second = _restore_messages, _restore_text
    if record.kernel != clock.kernel():
        first, second = second, first
    try:
        first(host, record)
    except TidegateError as error:
        try:
            second(host, record)
        except TidegateError as other:
            raise GuardError("not_restored", f"{error} {other}") from error


def _restore_messages(host: Host, record: Record) -> None:
    snapshot = unit_sets.filled(host.paths, record.snapshot)
    restore.restore_table(host.table, snapshot, max(0.0, time.time() - record.taken), record.others)


def _restore_text(host: Host, record: Record) -> None:
    host.table.load(restore.script(record.listing), patience=PATIENCE)
    with contextlib.suppress(TidegateError):
        unit_sets.follow(host.paths)


def load_failsafe(host: Host, why: str) -> None:
    """Load the fail-safe table; raise GuardError when that fails too."""
    restore_record(host, failsafe.record_of(host.paths, settings.read(host.paths)))
    write_last_loaded(host, ())
    journal.add(host.paths, "failsafe", why=why)


def last_resort(host: Host) -> str:
    """Load the confirmed policy, else the fail-safe table, where a table could not be restored; return which.

    Raise GuardError when neither can be loaded.
    """
    try:
        if load(host) is not None:
            return "The last confirmed policy was loaded instead."
        why = "there is no confirmed policy"
    except TidegateError as error:
        why = str(error)
    load_failsafe(host, why)
    return "The fail-safe table was loaded instead."


def write_last_loaded(host: Host, not_owned: tuple[str, ...]) -> None:
    """Write the live table down as the one that the guard loaded last."""
    with contextlib.suppress(TidegateError):
        last_loaded.write(host.paths, digest(host.table.snapshot(not_owned), not_owned), not_owned)


def return_to(host: Host, record: Record, who: str) -> None:
    """Make an earlier policy the confirmed one, without a confirmation."""
    restore_record(host, record)
    what, token, ran = description_of_return(record), secrets.token_hex(8), running_time.now(host.paths)
    _save(host, replace(record, token=token, who=who, what=what, when=time.time(), running_time=ran))
    # Whether the fail-safe table rejects goes with the policy.
    with contextlib.suppress(GuardError):
        mode = "observe" if observes(record.listing) else "enforce"
        failsafe.write(host.paths, replace(settings.read(host.paths), mode=mode))


def description_of_return(record: Record) -> str:
    """Return the history's description of a return to an earlier policy."""
    return f"back to the policy of {clock.utc(record.when)}" + (f" ({record.what})" if record.what else "")


def _save(host: Host, record: Record) -> None:
    history.keep(host.paths)
    files.write(host.paths.confirmed, records.dump(record))
    write_last_loaded(host, record.others)
    journal.add(host.paths, "saved", token=record.token, who=record.who, what=record.what)
