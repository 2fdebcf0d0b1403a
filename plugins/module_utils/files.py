# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are complete or absent, also after a power cut, and locks between processes. Raises OSError only."""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Callable, Iterator, TypeVar, Union

MARK = "# Written by tidegate.nftables. The next run overwrites changes.\n"
"""How files begin that the next run overwrites, and by which they are known as ours."""
Result = TypeVar("Result")
File = Union[int, IO[bytes], IO[str]]
"""A descriptor, or a file that has one."""


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step: write a new file, flush it to the disk, rename it.

    The new file has a fixed name, so a killed writer leaves one file at most. Only one process at a time may write.
    What has its name in a folder of another user may be a link or a pipe: that is an error, and removed.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        with descriptor(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK) as number:
            write_all(number, content)
            os.fchmod(number, mode)
            os.fsync(number)
        replace(new, path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


def replace(source: Path, target: Path) -> None:
    """Rename a file so that the new name survives a power cut."""
    source.replace(target)
    sync_folder(target.parent)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk."""
    with descriptor(path, os.O_RDONLY | os.O_DIRECTORY) as number:
        os.fsync(number)


def write_all(number: int, content: bytes) -> None:
    """Write all bytes to a descriptor; a single write may accept fewer."""
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]


@contextmanager
def descriptor(path: Path, flags: int, mode: int = 0o600) -> Iterator[int]:
    """Open a path without following a link and yield its descriptor; mode: of a file that this creates."""
    number = os.open(str(path), flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        yield number
    finally:
        os.close(number)


def let_root_read(number: int) -> None:
    """Let root read an open file of another user (mode 0600) also where root has no capability; nobody else may.

    An access control list (acl(5)) that names user 0: the file's owner may write one, and needs no group for it.
    """
    anybody, own, user, group, mask, others = 0xFFFFFFFF, 0x01, 0x02, 0x04, 0x10, 0x20
    entries = ((own, 6, anybody), (user, 4, 0), (group, 0, anybody), (mask, 4, anybody), (others, 0, anybody))
    packed = b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(number, "system.posix_acl_access", struct.pack("<I", 2) + packed)


@contextmanager
def new_file(folder: Path, prefix: str) -> Iterator[tuple[IO[bytes], Path]]:
    """Yield a new locked file (mode 0600) and its path; the file is removed unless the body renames it.

    Several processes may do this at the same time. A file with this prefix that nobody locks is left from a killed one.
    """
    number, name = tempfile.mkstemp(prefix=prefix, dir=str(folder))
    file = os.fdopen(number, "wb")
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield file, Path(name)
    finally:
        with suppress(OSError):  # On a full disk, closing fails as writing did.
            file.close()
        with suppress(OSError):
            Path(name).unlink()


def try_lock(file: File) -> bool:
    """Lock a file that no process holds; return whether that worked. The kernel unlocks it when the holder dies."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def retry(attempt: Callable[[], Result], seconds: float, pause: float) -> Result:
    """Return the first true result of an attempt, or the last one after that many seconds. pause: seconds between."""
    end = time.monotonic() + seconds
    while not (result := attempt()) and time.monotonic() < end:
        time.sleep(pause)
    return result
