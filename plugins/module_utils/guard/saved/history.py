# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EarlierPolicy confirmed policies: the last ten, each in a record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from . import records
from .records import Record

KEPT = 10


@dataclass(frozen=True)
class EarlierPolicy:
    """A policy of the history. number: 1 is the one before the confirmed one."""

    number: int
    path: Path

    @property
    def name(self) -> str:
        """The time of its confirmation, a dash, and its token."""
        return self.path.stem


def keep(paths: Paths) -> None:
    """Add the confirmed policy to the history, so that the next one can replace its file."""
    try:
        record = records.load(paths.confirmed)
    except GuardError:
        # A damaged policy is nothing to return to.
        return
    if record is None:
        return
    files.make_folder(paths.history)
    name = f"{clock.utc(record.when)[:-1]}.{int(record.when % 1 * 1000):03}Z-{record.token}.nft"
    files.link(paths.confirmed, paths.history / name)
    for old in sorted(paths.history.glob("*.nft"))[:-KEPT]:
        files.remove(old)


def earlier(paths: Paths) -> list[EarlierPolicy]:
    """Return the history, the latest first."""
    latest_first = sorted(paths.history.glob("*.nft"), reverse=True)
    return [EarlierPolicy(number, path) for number, path in enumerate(latest_first, start=1)]


def find(paths: Paths, key: str) -> Record:
    """Return a policy by its number (1: the previous one), its name or the beginning of its time.

    Raise GuardError (not_found, damaged).
    """
    known = earlier(paths)
    if not known:
        raise GuardError("not_found", f"There is no earlier policy on this host. {UNCHANGED}")
    matches = [policy for policy in known if key in (str(policy.number), policy.name)]
    matches = matches or [policy for policy in known if len(key) > 3 and policy.name.startswith(key)]
    if len(matches) != 1:
        names = ", ".join(f"{policy.number} ({policy.name})" for policy in known)
        count = "none" if not matches else "more than one"
        raise GuardError("not_found", f"{key!r} matches {count} of the earlier policies: {names}. {UNCHANGED}")
    record = records.load(matches[0].path)
    if record is None:
        raise GuardError("not_found", f"{matches[0].path} was just removed. {UNCHANGED}")
    return record
