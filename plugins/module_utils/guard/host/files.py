# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the guard; what cannot be read or written is a GuardError."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils import files

from .errors import UNCHANGED, GuardError


def make_folder(path: Path) -> None:
    """Make a folder and its parents; only root may list it."""
    with _writing(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_shared_folder(path: Path) -> None:
    """Make the folder of an installed file, which everyone may read."""
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise GuardError("cannot_write", f"{path} cannot be made: {error.strerror}. {UNCHANGED}") from error


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step that survives a power cut."""
    with _writing(path):
        files.write(path, content, mode)


def reserve(path: Path, size: int) -> None:
    """Make a file of this many bytes, so that filling it later cannot fail for lack of space."""
    try:
        with _writing(path), files.descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as number:
            os.posix_fallocate(number, 0, size)
            os.fsync(number)
    except GuardError:
        remove(path)
        raise


def fill(path: Path, content: bytes) -> None:
    """Write a reserved file. Until it is complete it is no valid record: records have a checksum."""
    with _writing(path), files.descriptor(path, os.O_WRONLY) as number:
        files.write_all(number, content)
        os.ftruncate(number, len(content))
        os.fsync(number)


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file in one write."""
    with _writing(path), files.descriptor(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as number:
        files.write_all(number, content)
        os.fsync(number)


def read(path: Path) -> str | None:
    """Return a file's text, None when there is no file. Bytes that are no UTF-8 survive a round trip."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content, None when there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GuardError("damaged", f"{path} cannot be read: {error.strerror}.") from error


def remove(path: Path) -> None:
    """Delete a file if there is one."""
    with _writing(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return
        files.sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Rename a file so that the new name survives a power cut."""
    with _writing(target):
        files.replace(source, target)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, unless the name exists."""
    with _writing(target):
        if not target.exists():
            os.link(source, target)
            files.sync_folder(target.parent)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a GuardError (cannot_write) about this path."""
    try:
        yield
    except OSError as error:
        raise GuardError(
            "cannot_write",
            f"{path} cannot be written: {error.strerror}. Without this file the change could not be rolled back or "
            f"would not survive a reboot. {UNCHANGED}",
        ) from error
