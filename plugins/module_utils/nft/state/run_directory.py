# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes that outlive a run but not a boot: what was verified last, and scratch tables in use.

Everything here may be missing, unwritable or nonsense: then a run does the whole work and leaves no state.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import IO, Any, Iterator, Sequence

DEFAULT = "/run/tidegate"
VARIABLE = "TIDEGATE_RUN_DIR"
"""Environment variable that names another run directory than DEFAULT."""

PATIENCE = 60.0
"""Seconds that a run waits for another one; then it goes on, and finds out what the other did."""

KEPT = 500
"""Files kept; a machine with many short-lived network namespaces leaves some for each."""

_SCRATCH, _NEW = "scratch.", "new."


class RunDirectory:
    """A directory that only this user can write to; one that others could write to is not used."""

    def __init__(self, path: str | None = None) -> None:
        self._path = Path(path or os.environ.get(VARIABLE) or DEFAULT)

    def read(self, slot: str, kind: str = "applied") -> dict[str, Any]:
        """Return the record of a slot, {} when there is none that can be trusted."""
        try:
            if not self._ours():
                return {}
            found = json.loads(self._file(slot, kind).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, slot: str, record: dict[str, Any], kind: str = "applied") -> None:
        """Keep a record, in place of the slot's last one."""
        with contextlib.suppress(OSError):
            self._make()
            with self._new() as (file, name):
                json.dump(record, file)
                file.flush()
                Path(name).replace(self._file(slot, kind))
                self._forget_old()

    def read_bytes(self, slot: str) -> bytes:
        """Return what is kept beside the state, b"" when there is nothing that can be trusted."""
        try:
            return self._file(slot, "elements").read_bytes() if self._ours() else b""
        except OSError:
            return b""

    def write_bytes(self, slot: str, content: bytes) -> None:
        """Keep bytes beside the state, in place of the slot's last ones; b"": nothing any more."""
        with contextlib.suppress(OSError):
            if not content:
                _forget(self._file(slot, "elements"))
                return
            self._make()
            with self._new() as (file, name):
                file.buffer.write(content)
                file.flush()
                Path(name).replace(self._file(slot, "elements"))

    def leave(self, slot: str, turn: str) -> None:
        """Forget a slot and the turns taken for it, and the directory when nobody else keeps anything there."""
        with contextlib.suppress(OSError):
            if self._ours():
                _forget(self._file(slot))
                _forget(self._file(turn, "turn"))
                if not any(self._path.glob("applied.*")):
                    for kind in ("trail", "elements"):
                        for path in self._path.glob(f"{kind}.*"):
                            _forget(path)
                self._path.rmdir()

    @contextlib.contextmanager
    def turn(self, slot: str, patience: float = PATIENCE) -> Iterator[None]:
        """Let one run at a time do the body, so that two do not undo each other; patience: seconds to wait for it."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self._make()
                path, end = self._file(slot, "turn"), time.monotonic() + patience
                while not (file := _locked(path)) and time.monotonic() < end:
                    time.sleep(0.01)
                if file:
                    stack.enter_context(file)
            yield

    @contextlib.contextmanager
    def using(self, name: str, record: dict[str, Any]) -> Iterator[None]:
        """Have a record, locked, while the body runs: what is locked is in use, what is not was left over.

        A body that runs out of memory may leave what the record is about, so the record stays.
        """
        path = self._path / f"{_SCRATCH}{name}"
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self._make()
                file, temporary = stack.enter_context(self._new())
                json.dump(record, file)
                file.flush()
                Path(temporary).replace(path)
            done = True
            try:
                yield
            except MemoryError:
                done = False
                raise
            finally:
                if done:
                    _forget(path)

    def left_over(self) -> list[tuple[Path, dict[str, Any]]]:
        """Return (file, record) of the scratch state whose run is dead."""
        found = []
        with contextlib.suppress(OSError):
            for path in sorted(self._path.glob(f"{_SCRATCH}*")) if self._ours() else ():
                with contextlib.suppress(OSError, ValueError), path.open(encoding="utf-8") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    found.append((path, json.load(file)))
            for path in self._path.glob(f"{_NEW}*"):
                with contextlib.suppress(OSError), path.open(encoding="utf-8") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
        return found

    def _file(self, slot: str, kind: str = "applied") -> Path:
        return self._path / f"{kind}.{hashlib.sha256(slot.encode()).hexdigest()[:32]}"

    def _forget_old(self) -> None:
        """Remove the oldest state."""
        kinds = ("applied.", "turn.", "trail.", "elements.", _SCRATCH)
        files = [path for kind in kinds for path in self._path.glob(f"{kind}*")]
        if len(files) > KEPT:
            for path in sorted(files, key=lambda found: found.stat().st_mtime)[: len(files) - KEPT]:
                _forget(path)

    def _make(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._ours():
            raise PermissionError(str(self._path))

    def _ours(self) -> bool:
        about = self._path.lstat()
        return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o022

    @contextlib.contextmanager
    def _new(self) -> Iterator[tuple[Any, str]]:
        """Yield a new file and its name; the file is removed unless it was given another name."""
        number, name = tempfile.mkstemp(prefix=_NEW, dir=str(self._path))
        file = os.fdopen(number, "w", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file, name
        finally:
            with contextlib.suppress(OSError):  # a full disk takes the rest no better when the file is closed
                file.close()
            _forget(Path(name))


def _locked(path: Path) -> IO[str] | None:
    """Return the file at a path, locked; None while another has the lock, or when it was taken away meanwhile."""
    file = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        file.close()
        raise
    file.close()
    return None


def _forget(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def tables_of(record: dict[str, Any]) -> Sequence[str]:
    """Return the tables, each "family name", that a scratch record is about."""
    tables = record.get("tables")
    return [str(table) for table in tables] if isinstance(tables, list) else []
