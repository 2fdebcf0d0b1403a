# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours beside the units that a policy names: systemd itself, or a helper, keeps their ids in the sets.

systemd 255 and later do it (`NFTSet=`, systemd.resource-control(5)). Before, a process that starts in the unit's cgroup
adds the id, and one at its end removes it; only services start processes, so slices and scopes are the watcher's.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE
from ansible_collections.tidegate.nftables.plugins.module_utils.unit_names import parent

from . import files
from .paths import Paths
from .systemd_units import FOLLOW_UNITS

NAME = "90-tidegate.conf"
"""After most others: one that empties these settings comes before it."""
FIRST_WITH_SETS = 255
"""The first release of systemd that knows NFTSet=."""
UNIT_FOLDERS = (
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
"""Where units are, in systemd's order (systemd.unit(5)); those that are made by a command are in transient."""
_CGROUPS = "/sys/fs/cgroup"


class Change(NamedTuple):
    """A file that is made, changed or removed. before, after: its text, None for no file."""

    path: Path
    before: str | None
    after: str | None


def changes(paths: Paths, units: Mapping[str, Sequence[str]], interpreter: str) -> list[Change]:
    """Return what has to change for these units to be followed, and no others. Arguments as of `texts`."""
    desired = texts(paths, units, interpreter)
    compared = [Change(path, files.read(path), desired.get(path)) for path in sorted({*desired, *present(paths)})]
    return [change for change in compared if change.before != change.after]


def write(different: Sequence[Change]) -> None:
    """Make these changes; systemd knows of them when it reads its units again. Raise GuardError (cannot_write)."""
    for path, _before, after in different:
        if after is None:
            files.remove(path)
            # It may hold files of others.
            with suppress(OSError):
                path.parent.rmdir()
        else:
            files.make_shared_folder(path.parent)
            files.write(path, after.encode(), 0o644)


def texts(paths: Paths, units: Mapping[str, Sequence[str]], interpreter: str) -> dict[Path, str]:
    """Return the text of each file. units: by set. interpreter: that runs the program."""
    sets: dict[str, list[str]] = {}
    for name in sorted(units):
        for unit in units[name]:
            sets.setdefault(unit, []).append(name)
    by_systemd = bool(sets) and are_filled_by_systemd()
    made = {unit: _by_systemd(names) if by_systemd else _by_helper(paths, interpreter) for unit, names in sets.items()}
    return {
        paths.units / f"{unit}.d" / NAME: f"{MARK}[{unit.rpartition('.')[2].capitalize()}]\n{text}"
        for unit, text in made.items()
        if (by_systemd or unit.endswith(".service")) and not is_alias(unit)
    }


def present(paths: Paths) -> list[Path]:
    """Return the files that are there, of this policy or of another one."""
    return [path for path in sorted(paths.units.glob(f"*.d/{NAME}")) if (files.read(path) or "").startswith(MARK)]


def is_alias(unit: str) -> bool:
    """Return whether a name is an alias of another unit, which a policy does not follow."""
    file, target = unchanged.first(places(unit))
    # A link out of systemd's folders gives a unit its file or masks it; one to the template makes an instance.
    other = Path(os.path.normpath(Path(file).parent / target))
    return bool(target) and str(other.parent) in UNIT_FOLDERS and other.name not in (unit, parent(unit))


def places(unit: str) -> list[str]:
    """Return the paths of which a host that knows a unit has one, the first that systemd reads first."""
    wider = parent(unit)
    if unit.endswith(".slice"):
        above: list[str] = []
        while wider:
            above.insert(0, wider)
            wider = parent(wider)
        # A slice needs no file: it is there with its first unit.
        return [*(f"{folder}/{unit}" for folder in UNIT_FOLDERS), "/".join([_CGROUPS, *above, unit])]
    return [f"{folder}/{name}" for name in (unit, wider) if name for folder in UNIT_FOLDERS]


def missing(units: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the units that this host does not know, sorted: they, and aliases, open nothing. units: by set."""
    named = {unit for of_set in units.values() for unit in of_set}
    return sorted(unit for unit in named if is_alias(unit) or not unchanged.first(places(unit))[0])


def are_filled_by_systemd() -> bool:
    """Return whether systemd itself keeps the ids of units in sets."""
    return _version() >= FIRST_WITH_SETS


def _by_systemd(names: Sequence[str]) -> str:
    family, table = TABLE
    return "".join(f"NFTSet=cgroup:{family}:{table}:{name}\n" for name in names)


def _by_helper(paths: Paths, interpreter: str) -> str:
    # "+": with the rights of systemd, in the unit's cgroup. "-": a policy must not keep a service from starting.
    command = f"-+{interpreter} -IS {paths.program} {FOLLOW_UNITS}"
    # ExecCondition comes before ExecStartPre, which may need the network already.
    return f"ExecCondition={command}\nExecStopPost={command} --ending\n"


@lru_cache(maxsize=1)
def _version() -> int:
    """Return the release of systemd, 0 where it does not say."""
    try:
        done = subprocess.run(
            ["systemctl", "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
        )
    except OSError:
        return 0
    number = re.match(r"systemd (\d+)", done.stdout)
    return int(number[1]) if number else 0
