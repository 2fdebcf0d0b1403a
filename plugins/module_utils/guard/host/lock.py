# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time: the module, the rollback timer, the watcher, the boot and the command share a lock."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils import files as lock_files

from . import files
from .errors import UNCHANGED, GuardError
from .paths import Paths

WAIT = 30.0
"""Seconds that a run waits for another one to finish."""
_PAUSE = 0.05


@contextmanager
def exclusive(paths: Paths, seconds: float = WAIT) -> Iterator[None]:
    """Hold the lock and wait up to this many seconds for it; raise GuardError (busy) when another keeps it."""
    with hold(paths.lock, seconds) as locked:
        if not locked:
            raise GuardError(
                "busy",
                f"Another tidegate run has held {paths.lock} for {seconds:.0f} s. {UNCHANGED} Fix: run again when it "
                "has finished.",
            )
        yield


@contextmanager
def hold(path: Path, seconds: float = 0.0) -> Iterator[bool]:
    """Try for this many seconds to hold a lock; yield whether it is held."""
    files.make_folder(path.parent)
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GuardError("cannot_write", f"{path} cannot be opened: {error.strerror}. {UNCHANGED}") from error
    try:
        yield lock_files.retry(lambda: lock_files.try_lock(number), seconds, _PAUSE)
    finally:
        os.close(number)


def is_held(path: Path) -> bool:
    """Return whether a process holds a lock."""
    try:
        with lock_files.descriptor(path, os.O_RDONLY) as number:
            return not lock_files.try_lock(number)
    except OSError:
        return False
