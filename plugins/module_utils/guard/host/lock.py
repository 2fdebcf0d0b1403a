# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time: the module, the guard, the watcher, the boot and the command share a lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Iterator

from . import files
from .errors import UNCHANGED, GuardError
from .paths import Paths

_PAUSE = 0.05


@contextlib.contextmanager
def exclusive(paths: Paths, seconds: float) -> Iterator[None]:
    """Hold the lock, waiting for it up to so many seconds; GuardError (busy) when another keeps it.

    The kernel frees it when its holder dies.
    """
    with held(paths.lock, seconds) as got:
        if not got:
            raise GuardError(
                "busy", f"Another run of tidegate is at work on this host for {seconds:.0f} s. {UNCHANGED} Try again."
            )
        yield


@contextlib.contextmanager
def held(path: Path, seconds: float = 0.0) -> Iterator[bool]:
    """Try to hold a lock and yield whether it is held."""
    files.folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise GuardError("cannot_write", f"{path} cannot be opened: {error.strerror}. {UNCHANGED}") from error
    try:
        yield _take(descriptor, seconds)
    finally:
        os.close(descriptor)


def taken(path: Path) -> bool:
    """Whether somebody holds a lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _take(descriptor, 0.0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not _take_now(descriptor):
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE)
    return True


def _take_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
