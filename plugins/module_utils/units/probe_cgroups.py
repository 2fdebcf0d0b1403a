# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroups for the sockets of policy tests, each below that of a unit: what a unit may send, they may send.

A child of its own, since processes may be in a unit's cgroup itself only where nothing below it has controllers: not in
slices, nor in what is delegated. systemd removes what is left of it when the unit stops.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Collection, Iterator, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import UNIT_LEDGER_LEVELS

from . import cgroups
from .cgroups import SLICE, Cgroup


class ProbeCgroup(NamedTuple):
    """A cgroup below a unit's. folder: where it is.

    noted: the id by which the ledger notes its sockets, its own or that of a unit with the same verdict; None where the
    ledger notes no such level.
    """

    folder: str
    noted: int | None


@contextmanager
def below(units: Collection[str]) -> Iterator[Mapping[str, ProbeCgroup]]:
    """Make one below each of these units that has a cgroup, of a template below an instance; remove them at the end."""
    with ExitStack() as made:
        present = _present(units)
        # Several names may mean one cgroup.
        places = {cgroup: place for cgroup in {*present.values()} for place in _made(made, cgroup)}
        yield {unit: places[cgroup] for unit, cgroup in present.items() if cgroup in places}


def _present(units: Collection[str]) -> dict[str, Cgroup]:
    """Return the cgroup of each unit that has one."""
    present: dict[str, Cgroup] = {}
    if units and cgroups.is_pure():
        for cgroup in sorted(cgroups.cgroups(cgroups.root()), key=lambda cgroup: cgroup.path):
            for unit in cgroups.names(cgroup.unit) & {*units}:
                present.setdefault(unit, cgroup)
    return present


def _made(made: ExitStack, cgroup: Cgroup) -> Iterator[ProbeCgroup]:
    folder = Path(cgroups.root(), cgroup.path, f"tidegate-test-{os.getpid()}.scope")
    with suppress(OSError):
        folder.mkdir()
        made.callback(_remove, folder)
        yield ProbeCgroup(str(folder), _noted(cgroup, folder.stat().st_ino))


def _remove(folder: Path) -> None:
    # The unit and all below it may be gone by now.
    with suppress(OSError):
        folder.rmdir()


def _noted(cgroup: Cgroup, own: int) -> int | None:
    level = cgroup.path.count("/") + 1
    if level + 1 in UNIT_LEDGER_LEVELS:
        return own
    # What is below a service or scope has its verdict; in a slice each unit has its own.
    return cgroup.id if level in UNIT_LEDGER_LEVELS and not cgroup.unit.endswith(SLICE) else None
