# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed files: the program, a link to it, the fail-safe table and the systemd units."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import (
    files,
    lock,
    systemd_units,
    ulogd,
    unit_files,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import failsafe, journal, settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets

from . import manual, names, package

_EVERYTHING = Settings(ulogd_group=0)
"""Settings of a host that has every file that can be installed."""
_EXECUTABLE = 0o755
_START_CHECKS = 50
"""How often it is checked, every 0.1 s, whether the watcher has started."""


@dataclass(frozen=True)
class FileChange:
    """A file or link that is (check mode: would be) made, changed or removed; before and after are for people."""

    path: str
    action: str
    before: str = ""
    after: str = ""

    def as_diff(self) -> dict[str, str]:
        """Return the change as Ansible shows it with --diff."""
        return {
            "before_header": self.path,
            "after_header": self.path,
            "before": self.before,
            "after": self.after,
        }


def install(
    paths: Paths, values: Settings, units: unit_sets.Units, *, systemd: bool, check: bool = False
) -> list[FileChange]:
    """Install or update the files, reload and start the systemd units; return what changed.

    units: of the policy, by set. In check mode nothing is written or run.
    Raise GuardError (cannot_write) when a file cannot be written.
    """
    changes: list[FileChange] = []
    if not check:
        files.make_folder(paths.state)
    changes += _program(paths.program, check=check)
    for path, (content, mode) in _files(paths, values, systemd=systemd).items():
        changes += _file(path, content, mode, check=check)
    for path, target in _links(paths, values, systemd=systemd).items():
        changes += _link(path, target, check=check)
    if values.ulogd_group is None:
        changes += _without_ulogd(paths, systemd=systemd, check=check)
    changes += _unit_files(paths, units, check=check)
    if systemd and not check:
        changes += _start(paths, changes)
    elif systemd and not lock.is_held(paths.watcher_lock):
        changes.append(FileChange(systemd_units.WATCH, "start"))
    return changes


def _unit_files(paths: Paths, units: unit_sets.Units, *, check: bool) -> list[FileChange]:
    """Have systemd follow these units and no others."""
    different = unit_files.changes(paths, units, package.interpreter())
    if not check:
        unit_files.write(different)
    return [file_change(change) for change in different]


def file_change(change: unit_files.Change | names.Change) -> FileChange:
    """Return the change of a text for people."""
    action = "add" if change.before is None else "change" if change.after is not None else "remove"
    return FileChange(str(change.path), action, change.before or "", change.after or "")


def remove(paths: Paths, *, systemd: bool, check: bool = False) -> list[FileChange]:
    """Remove all installed files and the state; the caller removes the table."""
    installed = [*_links(paths, _EVERYTHING, systemd=True), paths.program, *_files(paths, _EVERYTHING, systemd=True)]
    present = [path for path in installed if path.exists() or path.is_symlink()]
    followed = unit_files.changes(paths, {}, package.interpreter())
    changes = [FileChange(str(path), "remove") for path in present]
    changes += [FileChange(str(folder), "remove") for folder in (paths.state, paths.program.parent) if folder.exists()]
    changes += [file_change(change) for change in followed]
    if check:
        return changes
    if changes:
        journal.add(paths, "removed")
    if systemd and changes:
        # The watcher would load the table again. A pattern is a unit that is loaded: an older release has not all, and
        # one whose file is gone still runs.
        units = (systemd_units.WHY, systemd_units.WATCH, systemd_units.BOOT, ulogd.UNIT)
        systemd_units.systemctl("stop", *(f"{unit[:-1]}[{unit[-1]}]" for unit in units))
    unit_files.write(followed)
    try:
        for path in [paths.confirmed, *present]:
            files.remove(path)
        for folder in (paths.history, paths.state, paths.program.parent, paths.run):
            _empty(folder)
    except OSError as error:
        raise GuardError("cannot_write", f"{error.filename} cannot be removed: {error.strerror}.") from error
    if systemd and changes:
        systemd_units.systemctl("daemon-reload")
    return changes


def paths_of(paths: Paths, values: Settings, units: unit_sets.Units, *, systemd: bool) -> list[Path]:
    """Return the paths of all installed files and links."""
    followed = unit_files.texts(paths, units, package.interpreter())
    files_and_links = [*_files(paths, values, systemd=systemd), *_links(paths, values, systemd=systemd)]
    return [paths.program, *files_and_links, *followed]


def _files(paths: Paths, values: Settings, *, systemd: bool) -> Mapping[Path, tuple[bytes, int]]:
    by_path = {
        paths.failsafe: (failsafe.script(values), 0o600),
        paths.settings: (settings.dump(values), 0o600),
        paths.manual: (manual.man_page().encode(), 0o644),
        paths.user_manual: (manual.USER_PAGE.encode(), 0o644),
        paths.completion: (manual.completion().encode(), 0o644),
        paths.zsh_completion: (manual.zsh_completion().encode(), 0o644),
    }
    for path, text in ulogd.texts(paths, values.ulogd_group, systemd=systemd).items():
        by_path[path] = (text.encode(), 0o644)
    if systemd:
        by_path.update(
            {
                paths.units / name: (text.encode(), 0o644)
                for name, text in systemd_units.texts(paths, package.interpreter(), values.metrics_dir).items()
            }
        )
    return by_path


def _links(paths: Paths, values: Settings, *, systemd: bool) -> Mapping[Path, Path]:
    targets = {paths.command: paths.program}
    if systemd:
        targets[paths.user_command] = paths.program
        started = [
            *systemd_units.TARGETS,
            *([(ulogd.UNIT, "multi-user.target")] if values.ulogd_group is not None else []),
        ]
        targets.update({paths.units / f"{target}.wants" / name: paths.units / name for name, target in started})
    return targets


def _program(path: Path, *, check: bool) -> Iterator[FileChange]:
    """Install the program. Building it takes as long as the rest of a run."""
    with contextlib.suppress(OSError):
        if _is_ours(path, _EXECUTABLE) and package.is_built(path.read_bytes()):
            return
    yield from _file(path, package.build(), _EXECUTABLE, check=check)


def _file(path: Path, content: bytes, mode: int, *, check: bool) -> Iterator[FileChange]:
    with contextlib.suppress(OSError):
        if _is_ours(path, mode) and path.read_bytes() == content:
            return
    action = "change" if path.exists() else "add"
    before = files.read(path) if action == "change" else ""
    yield FileChange(str(path), action, package.shown(before or ""), package.shown(content.decode("latin-1")))
    if not check:
        files.make_shared_folder(path.parent)
        files.write(path, content, mode)


def _is_ours(path: Path, mode: int) -> bool:
    """Return whether this is a file of this user's, and of this mode."""
    status = path.lstat()
    return (status.st_uid, status.st_mode) == (os.geteuid(), stat.S_IFREG | mode)


def _link(path: Path, target: Path, *, check: bool) -> Iterator[FileChange]:
    before = os.readlink(path) if path.is_symlink() else ""
    if before == str(target):
        return
    yield FileChange(str(path), "change" if before else "add", f"{before}\n" if before else "", f"{target}\n")
    if check:
        return
    files.make_shared_folder(path.parent)
    new = path.with_name(f".{path.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        new.symlink_to(target)
        files.move(new, path)
    except OSError as error:
        raise GuardError("cannot_write", f"{path} cannot be made: {error.strerror}. {UNCHANGED}") from error


def _without_ulogd(paths: Paths, *, systemd: bool, check: bool) -> Iterator[FileChange]:
    """End a ulogd2 of an earlier policy. What it wrote stays."""
    unit = paths.units / ulogd.UNIT
    own = (unit, unit.parent / "multi-user.target.wants" / unit.name, ulogd.configuration(paths), ulogd.rotation(paths))
    present = [path for path in own if path.exists() or path.is_symlink()]
    if systemd and unit in present and not check:
        systemd_units.systemctl("stop", ulogd.UNIT)
    for path in present:
        yield FileChange(str(path), "remove", "" if path.is_symlink() else files.read(path) or "")
        if not check:
            files.remove(path)


def _start(paths: Paths, changes: list[FileChange]) -> Iterator[FileChange]:
    """Reload systemd and start the units.

    The watcher first: it is ordered after the boot unit, which waits for the lock that the caller holds.
    """
    changed = {change.path for change in changes}
    new_units = any(str(paths.units) in path for path in changed)
    if new_units:
        systemd_units.systemctl("daemon-reload")
    running = lock.is_held(paths.watcher_lock)
    if not running or changed & {str(paths.program), str(paths.units / systemd_units.WATCH)}:
        systemd_units.systemctl("restart", systemd_units.WATCH)
        for _check in range(_START_CHECKS):
            if lock.is_held(paths.watcher_lock):
                break
            time.sleep(0.1)
    if str(paths.program) in changed and (paths.units / systemd_units.RESOLVER).exists():
        systemd_units.systemctl("try-restart", systemd_units.RESOLVER)
    if (
        changed & {str(paths.units / ulogd.UNIT), str(ulogd.configuration(paths))}
        and (paths.units / ulogd.UNIT).exists()
    ):
        systemd_units.systemctl("restart", ulogd.UNIT)
    if not running:
        yield FileChange(systemd_units.WATCH, "start")
    if new_units:
        systemd_units.systemctl("start", systemd_units.WHY)
        systemd_units.systemctl("start", "--no-block", systemd_units.BOOT)


def _empty(folder: Path) -> None:
    """Remove a folder with the files in it."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if not path.is_dir():
            # A watcher that ends removes files of its own.
            path.unlink(missing_ok=True)
    folder.rmdir()
