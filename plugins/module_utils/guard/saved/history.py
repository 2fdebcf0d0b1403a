# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier confirmed policies: the last ten, each in a record. Their order is that of their writing, not of a clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets

from . import records
from .records import Record

KEPT = 10

_NAME = re.compile(r"(\d{6})-(.+)\.nft")
"""Name of a file: a number that grows by one, the time of the confirmation, a dash, the token."""


@dataclass(frozen=True)
class EarlierPolicy:
    """A policy of the history. number: 1 is the one before the confirmed one."""

    number: int
    path: Path

    @property
    def name(self) -> str:
        """The time of its confirmation, a dash, and its token."""
        return _order(self.path)[1]


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
    kept = _oldest_first(paths)
    number = _order(kept[-1])[0] + 1 if kept else 1
    name = f"{clock.utc(record.when)[:-1]}.{int(record.when % 1 * 1000):03}Z-{record.token}"
    files.link(paths.confirmed, paths.history / f"{number:06}-{name}.nft")
    for old in _oldest_first(paths)[:-KEPT]:
        files.remove(old)


def earlier(paths: Paths) -> list[EarlierPolicy]:
    """Return the history, the latest first."""
    return [EarlierPolicy(number, path) for number, path in enumerate(reversed(_oldest_first(paths)), start=1)]


def remember_units(paths: Paths, units: unit_sets.Units) -> None:
    """Keep the units of a policy with those of the policies that this host may return to."""
    if units or unit_sets.read(paths):
        policies = [paths.confirmed, *_oldest_first(paths)]
        unit_sets.remember(paths, units, {name for path in policies for name in records.about(path).get("others", ())})


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


def _oldest_first(paths: Paths) -> list[Path]:
    return sorted(paths.history.glob("*.nft"), key=_order)


def _order(path: Path) -> tuple[int, str]:
    """Return the number of a file, 0 where it has none, and the rest of its name."""
    match = _NAME.fullmatch(path.name)
    return (int(match.group(1)), match.group(2)) if match else (0, path.stem)
