# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all, also after the power went."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .errors import UNCHANGED, GuardError


def folder(path: Path) -> None:
    """Make a folder, and what it is in, that only root may look into."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(path, error) from error


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a file in place in one step: a new file, flushed to the disk, renamed."""
    new = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _write_all(descriptor, content)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        move(new, path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise _cannot(path, error) from error


def reserve(path: Path, size: int) -> None:
    """Make a file of this many bytes, so that filling it later cannot fail for want of space."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        remove(path)
        raise _cannot(path, error) from error


def fill(path: Path, content: bytes) -> None:
    """Write a reserved file. It is no valid record until all of it is there: records carry their checksum."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _write_all(descriptor, content)
            os.ftruncate(descriptor, len(content))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _cannot(path, error) from error


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file in one write."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _cannot(path, error) from error


def read(path: Path) -> str | None:
    """Return a file's text, None when there is none. Bytes that are no UTF-8 survive a round trip."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GuardError("damaged", f"{path} cannot be read: {error.strerror}.") from error


def move(source: Path, target: Path) -> None:
    """Rename, and have the disk know it."""
    source.replace(target)
    sync(target.parent)


def remove(path: Path) -> None:
    """Delete a file that may or may not be there."""
    try:
        path.unlink()
        sync(path.parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _cannot(path, error) from error


def sync(path: Path) -> None:
    """Have the disk know which names a folder holds."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _cannot(path: Path, error: OSError) -> GuardError:
    return GuardError(
        "cannot_write",
        f"{path} cannot be written: {error.strerror}. Without it there would be no way back, or the policy would not "
        f"survive a reboot. {UNCHANGED}",
    )
