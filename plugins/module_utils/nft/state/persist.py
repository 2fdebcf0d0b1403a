# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables in a file that nft loads at boot."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError, bad_spec

if TYPE_CHECKING:
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable

MODE = 0o600
"""What tempfile gives a new file, whatever the umask."""

_HEAD = "# Written by tidegate.nftables.nft_ruleset: the next run puts back what is edited here.\n"


def text(tables: Sequence[NftTable | None]) -> str | None:
    """Return what the file shall hold, None when there is no table and so shall be no file.

    Loading it puts the tables as they are here in the place of tables of the same names, in one transaction. The words
    are nft's own listing: numbers for users, addresses and services, so that nothing is looked up at boot. Elements
    that nobody wrote down (of dynamic sets, of sets that others fill) are left out.
    """
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import render

    found = [table for table in tables if table is not None]
    if not found:
        return None
    parts = [_HEAD]
    for table in found:
        target = f"{table.family} {table.name}"
        parts.append(f"\ntable {target}\ndelete table {target}\n{render.table(table, unmanaged=False)}")
    return "".join(parts)


class PersistFile:
    """The file at a path."""

    def __init__(self, path: str, where: str = "persist") -> None:
        self._path = Path(path)
        if not self._path.is_absolute():
            raise bad_spec(where, f"{path!r} is not an absolute path.")
        if self._path.is_dir():
            raise bad_spec(where, f"{path} is a directory; a file is needed.")
        if not self._path.parent.is_dir():
            raise bad_spec(where, f"The directory {self._path.parent} does not exist. Make it first.")
        self._where = where

    def __str__(self) -> str:
        return str(self._path)

    def describe(self, wanted: str | None) -> str:
        """Return a line for a diff: what the file is now (wanted None) or will be."""
        if wanted is not None:
            return f"# {self._path} holds this\n"
        return f"# {self._path} holds something else\n" if self.digest() else ""

    def digest(self) -> str:
        """Return what tells one content and mode from another; "" for no file."""
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            return f"{mode:o} {hashlib.sha256(self._path.read_bytes()).hexdigest()}"
        except OSError:
            return ""

    def seal(self) -> str:
        """Return what is the same only for the same file with the same content and mode."""
        return f"{self._path} {self.digest()}"

    def action(self, wanted: str | None) -> str:
        """Return what is to be done to have it hold this text: "", "add", "recreate" or "delete"."""
        there = self.digest()
        if wanted is None:
            return "delete" if there else ""
        right = f"{MODE:o} {hashlib.sha256(wanted.encode('utf-8', 'surrogateescape')).hexdigest()}"
        if there == right:
            return ""
        return "recreate" if there else "add"

    @contextlib.contextmanager
    def prepared(self, wanted: str | None) -> Iterator[None]:
        """Have everything on the disk that can fail, and put it in place when the body ends well."""
        if wanted is None:
            yield
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            return
        try:
            number, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=str(self._path.parent))
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                try:
                    file.write(wanted)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError as error:
                    raise self._unwritable(error) from error
                yield
                Path(name).replace(self._path)
                _sync(self._path.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()

    def _unwritable(self, error: OSError) -> EngineError:
        return bad_spec(self._where, f"{self._path.parent} cannot be written to: {error.strerror}.")

    def clear(self) -> None:
        """Remove what killed runs left: files of our making that nobody holds any more."""
        for path in self._path.parent.glob(f".{self._path.name}.????????"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _sync(directory: Path) -> None:
    """Make a rename survive a power cut."""
    number = os.open(str(directory), os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
