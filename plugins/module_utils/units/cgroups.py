# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cgroups are those of systemd units: read from the tree of cgroup v2.

Only folders that systemd itself makes count: those in slices. What is in the cgroup of a service or a scope may belong
to a user who was given that subtree, and may have any name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Collection, Iterator, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names

MOUNT = "/sys/fs/cgroup"
FIRST_PROCESS = "/proc/1/cgroup"
SLICE = ".slice"
_INIT_SCOPE = "/init.scope"
_ENDING = "user.tidegate.ending"
"""The attribute of a cgroup's folder whose unit ends; Linux 5.7 and later have those of users (kernfs)."""

Ids = Mapping[str, "frozenset[int]"]
"""By set of the table: ids of cgroups."""


class Cgroup(NamedTuple):
    """The cgroup of a unit. id: inode of its folder. path: below the manager's cgroup, level 1 without a slash."""

    unit: str
    id: int
    path: str


def is_pure(mount: str = MOUNT) -> bool:
    """Return whether there is only cgroup v2: in a hybrid tree or one of version 1, nft finds no unit."""
    return Path(mount, "cgroup.controllers").exists()


def root(mount: str = MOUNT, first_process: str = FIRST_PROCESS) -> str:
    """Return the folder of systemd's own cgroup."""
    return mount + _manager(first_process)


def of_process(
    process: str = "/proc/self/cgroup", first_process: str = FIRST_PROCESS, mount: str = MOUNT
) -> Cgroup | None:
    """Return the cgroup of a process's unit, None for none. The first two are files as /proc/PID/cgroup."""
    above, path = _manager(first_process), _path(process)
    parts = path[len(above) :].strip("/").split("/") if path.startswith(f"{above}/") else []
    for level, name in enumerate(parts, start=1):
        if not name.endswith(SLICE):
            own = "/".join(parts[:level])
            return Cgroup(unit_of_folder(name), Path(f"{mount}{above}/{own}").stat().st_ino, own)
    return None


def _manager(first_process: str) -> str:
    path = _path(first_process)
    return (path[: -len(_INIT_SCOPE)] if path.endswith(_INIT_SCOPE) else path).rstrip("/")


def _path(file: str) -> str:
    """Return the path in a file of /proc/PID/cgroup; there may be lines for version 1 too, without controllers."""
    with Path(file).open(encoding="utf-8", errors="surrogateescape") as lines:
        return next((line.rstrip("\n")[3:] for line in lines if line.startswith("0::")), "/")


def cgroups(folder: str) -> Iterator[Cgroup]:
    """Yield the cgroup of every unit below systemd's own."""
    folders = [(folder, "")]
    while folders:
        above, prefix = folders.pop()
        try:
            entries = list(os.scandir(above))
        except FileNotFoundError:
            # The slice is gone by now.
            continue
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                continue
            unit = unit_of_folder(entry.name)
            path = prefix + entry.name
            yield Cgroup(unit, entry.inode(), path)
            if unit.endswith(SLICE):
                folders.append((entry.path, f"{path}/"))


def staying(folder: str) -> list[Cgroup]:
    """Return the cgroups below systemd's own whose units do not end; `mark` says of which they do."""
    return [cgroup for cgroup in cgroups(folder) if not _ends(f"{folder}/{cgroup.path}")]


def mark(folder: str, cgroup: Cgroup, *, ending: bool) -> None:
    """Note at a cgroup whether its unit ends: its folder is there for a while after its id was removed from sets.

    The note goes with the folder. Raise OSError.
    """
    path = f"{folder}/{cgroup.path}"
    if ending:
        os.setxattr(path, _ENDING, b"1")
    elif _ends(path):
        os.removexattr(path, _ENDING)


def _ends(path: str) -> bool:
    try:
        os.getxattr(path, _ENDING)
    except OSError:
        return False
    return True


def unit_of_folder(name: str) -> str:
    """Return the unit of a folder: systemd writes an underscore before a name that could be a file of the kernel's."""
    return name[1:] if name.startswith("_") else name


def names(unit: str) -> frozenset[str]:
    """Return the names in a policy that mean a unit's own cgroup: its own, and of an instance the template's.

    Not the slice that a slice is in: what is in it, is in the other's cgroup too.
    """
    return frozenset((unit,)) if unit.endswith(SLICE) else frozenset((unit, unit_names.parent(unit))) - {""}


def names_above(cgroup: Cgroup) -> frozenset[str]:
    """Return all names in a policy that mean a cgroup: those of its unit, and the slices that it is in."""
    slices = [name for name in cgroup.path.split("/")[:-1] if name.endswith(SLICE)]
    return names(cgroup.unit).union(slices)


def ids(units: Mapping[str, Collection[str]], present: Collection[Cgroup]) -> dict[str, frozenset[int]]:
    """Return the ids that each set should hold. units: by set; a template is all of its instances."""
    by_unit: dict[str, set[int]] = {}
    for cgroup in present:
        for name in names(cgroup.unit):
            by_unit.setdefault(name, set()).add(cgroup.id)
    return {name: frozenset().union(*(by_unit.get(unit, ()) for unit in of_set)) for name, of_set in units.items()}
