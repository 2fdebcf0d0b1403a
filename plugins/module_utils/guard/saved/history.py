# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier confirmed policies: the last ten, each a record of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from . import records
from .records import Record

KEPT = 10


@dataclass(frozen=True)
class Earlier:
    """One policy of the history. number: 1 is the one before the confirmed one."""

    number: int
    path: Path

    @property
    def name(self) -> str:
        """The time at which it was confirmed, a dash, and its token."""
        return self.path.stem


def keep(paths: Paths) -> None:
    """Give the confirmed policy a place in the history too, so that the next one can take its name."""
    try:
        record = records.load(paths.confirmed)
    except GuardError:
        record = None
    if record is None:
        # A damaged policy is nothing to go back to.
        return
    files.folder(paths.history)
    target = paths.history / f"{clock.utc(record.when)[:-1]}.{int(record.when % 1 * 1000):03}Z-{record.token}.nft"
    try:
        if not target.exists():
            os.link(paths.confirmed, target)
            files.sync(paths.history)
    except OSError as error:
        raise GuardError("cannot_write", f"{target} cannot be made: {error.strerror}. {UNCHANGED}") from error
    for old in sorted(paths.history.glob("*.nft"))[:-KEPT]:
        files.remove(old)


def earlier(paths: Paths) -> list[Earlier]:
    """Return the history, the latest first."""
    found = sorted(paths.history.glob("*.nft"), reverse=True)
    return [Earlier(number, path) for number, path in enumerate(found, start=1)]


def find(paths: Paths, wanted: str) -> Record:
    """Return a policy by its number (1: the previous), by its name or by the beginning of its time.

    Raise GuardError (not_found, damaged).
    """
    known = earlier(paths)
    if not known:
        raise GuardError("not_found", f"There is no earlier policy on this host. {UNCHANGED}")
    fits = [one for one in known if str(one.number) == wanted or one.name == wanted]
    fits = fits or [one for one in known if len(wanted) > 3 and one.name.startswith(wanted)]
    if len(fits) != 1:
        names = ", ".join(f"{one.number} ({one.name})" for one in known)
        why = "names none" if not fits else "names more than one"
        raise GuardError("not_found", f"{wanted!r} {why} of the earlier policies: {names}. {UNCHANGED}")
    record = records.load(fits[0].path)
    if record is None:
        raise GuardError("not_found", f"{fits[0].path} has just gone. {UNCHANGED}")
    return record
