# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State that outlives a run but not a boot: what was verified last, and scratch tables in use.

Everything here may be missing, unwritable or damaged: then a run does the whole work and leaves no state.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import IO, Any, Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import files

DEFAULT = "/run/tidegate"
VARIABLE = "TIDEGATE_RUN_DIR"
"""Environment variable that names another run directory than DEFAULT."""

PATIENCE = 60.0
"""Seconds that a run waits for another one; then it continues, and the generation shows what the other did."""

KEPT = 500
"""Number of files that are kept."""

SWEPT = 60
"""With more files than these, those of network namespaces that are gone are removed."""

_MOUNTED = re.compile(r" net:\[(\d+)\] ")
"""Root of a mounted network namespace in proc_pid_mountinfo(5)."""

_SCRATCH, _NEW = "scratch.", "new."


class RunDirectory:
    """A directory for state that only this user can write to; one that others can write to is not used."""

    def __init__(self, path: str | None = None) -> None:
        self._path = Path(path or os.environ.get(VARIABLE) or DEFAULT)

    def read(self, slot: str, kind: str = "applied") -> dict[str, Any]:
        """Return the record of a slot, {} when there is none or it cannot be trusted."""
        try:
            if not self._ours():
                return {}
            record = json.loads(self._file(slot, kind).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def write(self, slot: str, record: dict[str, Any], kind: str = "applied") -> None:
        """Store a record instead of the slot's last one."""
        with contextlib.suppress(OSError):
            self._make()
            with files.new_file(self._path, _NEW) as (file, path):
                file.write(json.dumps(record).encode())
                file.flush()
                path.replace(self._file(slot, kind))
                self._delete_old()

    def read_bytes(self, slot: str) -> bytes:
        """Return the bytes stored for a slot, b"" when there are none or they cannot be trusted."""
        try:
            return self._file(slot, "elements").read_bytes() if self._ours() else b""
        except OSError:
            return b""

    def write_bytes(self, slot: str, content: bytes) -> None:
        """Store bytes instead of the slot's last ones; b"": delete them."""
        with contextlib.suppress(OSError):
            if not content:
                _delete(self._file(slot, "elements"))
                return
            self._make()
            with files.new_file(self._path, _NEW) as (file, path):
                file.write(content)
                file.flush()
                path.replace(self._file(slot, "elements"))

    def delete(self, slot: str, turn: str) -> None:
        """Delete a slot and its turns, and the directory when no other slot is left."""
        with contextlib.suppress(OSError):
            if self._ours():
                _delete(self._file(slot))
                _delete(self._file(turn, "turn"))
                if not any(self._path.glob("applied.*")):
                    for kind in ("trail", "elements"):
                        for path in self._path.glob(f"{kind}.*"):
                            _delete(path)
                self._path.rmdir()

    @contextlib.contextmanager
    def turn(self, slot: str, patience: float = PATIENCE) -> Iterator[None]:
        """Let a single run execute the body, so that two do not overwrite each other; patience: seconds to wait."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self._make()
                file = files.retry(lambda: _locked(self._file(slot, "turn")), patience, 0.01)
                if file:
                    stack.enter_context(file)
            yield

    @contextlib.contextmanager
    def using(self, name: str, record: dict[str, Any]) -> Iterator[None]:
        """Hold a locked record while the body runs; an unlocked one was left by a killed run.

        A body that runs out of memory may leave the tables of the record, so the record stays.
        """
        path = self._path / f"{_SCRATCH}{name}"
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self._make()
                file, temporary = stack.enter_context(files.new_file(self._path, _NEW))
                file.write(json.dumps(record).encode())
                file.flush()
                temporary.replace(path)
            done = True
            try:
                yield
            except MemoryError:
                done = False
                raise
            finally:
                if done:
                    _delete(path)

    def left_over(self) -> list[tuple[Path, dict[str, Any]]]:
        """Return (file, record) of the scratch tables of killed runs."""
        records = []
        with contextlib.suppress(OSError):
            for path in sorted(self._path.glob(f"{_SCRATCH}*")) if self._ours() else ():
                with contextlib.suppress(OSError, ValueError), path.open(encoding="utf-8") as file:
                    if files.try_lock(file):
                        records.append((path, json.load(file)))
            for path in self._path.glob(f"{_NEW}*"):
                with contextlib.suppress(OSError), path.open(encoding="utf-8") as file:
                    if files.try_lock(file):
                        path.unlink()
        return records

    def _file(self, slot: str, kind: str = "applied") -> Path:
        namespace = Path("/proc/self/ns/net").stat().st_ino
        return self._path / f"{kind}.{namespace}.{hashlib.sha256(slot.encode()).hexdigest()[:32]}"

    def _delete_old(self) -> None:
        """Delete the records of namespaces that are gone, and the oldest ones."""
        kinds = ("applied.", "turn.", "trail.", "elements.", _SCRATCH)
        paths = [path for kind in kinds for path in self._path.glob(f"{kind}*")]
        if len(paths) > SWEPT:
            living = _network_namespaces()
            gone = [path for path in paths if path.name.count(".") == 2 and path.name.split(".")[1] not in living]
            for path in gone:
                _delete(path)
            paths = [path for path in paths if path not in gone]
        if len(paths) > KEPT:
            for path in sorted(paths, key=lambda path: path.stat().st_mtime)[: len(paths) - KEPT]:
                _delete(path)

    def _make(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._ours():
            raise PermissionError(str(self._path))

    def _ours(self) -> bool:
        status = self._path.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _locked(path: Path) -> IO[str] | None:
    """Return the file at a path, locked; None while another run has the lock, or when it was deleted meanwhile."""
    file = path.open("w", encoding="utf-8")
    try:
        if files.try_lock(file) and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except FileNotFoundError:
        pass
    except OSError:
        file.close()
        raise
    file.close()
    return None


def _network_namespaces() -> set[str]:
    """Return the inode numbers of the network namespaces that a process is in or that are mounted (namespaces(7)).

    One that only an open file keeps is missing: its next run has no record and does the whole work.
    """
    numbers = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            numbers.add(str((process / "ns/net").stat().st_ino))
    with contextlib.suppress(OSError):
        numbers |= set(_MOUNTED.findall(Path("/proc/self/mountinfo").read_text("utf-8", "replace")))
    return numbers


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def tables_of(record: dict[str, Any]) -> Sequence[str]:
    """Return the tables, each "family name", of a scratch record."""
    tables = record.get("tables")
    return [str(table) for table in tables] if isinstance(tables, list) else []
