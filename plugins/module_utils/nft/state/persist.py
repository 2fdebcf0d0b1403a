# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save tables in a file that nft loads at boot."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Literal, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import files
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError, bad_spec

if TYPE_CHECKING:
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable

MODE = 0o600
"""Mode of a new file from tempfile, whatever the umask."""

_HEAD = "# Written by tidegate.nftables.nft_ruleset: the next run overwrites edits.\n"


def text(tables: Sequence[NftTable | None]) -> str | None:
    """Return the content of the file, None when there is no table and the file is to be deleted.

    Loading it replaces tables of the same names in one transaction. The text is nft's listing, with numbers for users,
    addresses and services, so that nothing is looked up at boot. Elements that the task does not name (of dynamic sets,
    of sets that others fill) are left out.
    """
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import render

    present = [table for table in tables if table is not None]
    if not present:
        return None
    parts = [_HEAD]
    for table in present:
        target = f"{table.family} {table.name}"
        parts.append(f"\ntable {target}\ndelete table {target}\n{render.table(table, unmanaged=False)}")
    return "".join(parts)


class PersistFile:
    """The file at a path that holds the tables."""

    def __init__(self, path: str, where: str = "persist") -> None:
        self._path = Path(path)
        if not self._path.is_absolute():
            raise bad_spec(where, f"{path!r} is not an absolute path.")
        if self._path.is_dir():
            raise bad_spec(where, f"{path} is a directory, not a file.")
        if not self._path.parent.is_dir():
            raise bad_spec(where, f"The directory {self._path.parent} does not exist. Fix: create it first.")
        self._where = where

    def __str__(self) -> str:
        return str(self._path)

    def describe(self, content: str | None) -> str:
        """Return the line of a diff about the file as it is (content None) or will be."""
        if content is not None:
            return f"# {self._path} holds this\n"
        return f"# {self._path} holds something else\n" if self.digest() else ""

    def digest(self) -> str:
        """Return mode and checksum of the file, "" when there is none."""
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            return f"{mode:o} {hashlib.sha256(self._path.read_bytes()).hexdigest()}"
        except OSError:
            return ""

    def identity(self) -> str:
        """Return path, mode and checksum of the file."""
        return f"{self._path} {self.digest()}"

    def action(self, content: str | None) -> Literal["add", "recreate", "delete", ""]:
        """Return the action that gives the file this content: "", "add", "recreate" or "delete"."""
        digest = self.digest()
        if content is None:
            return "delete" if digest else ""
        desired = f"{MODE:o} {hashlib.sha256(content.encode('utf-8', 'surrogateescape')).hexdigest()}"
        if digest == desired:
            return ""
        return "recreate" if digest else "add"

    @contextlib.contextmanager
    def replaced(self, content: str | None) -> Iterator[None]:
        """Write the content to a temporary file, and rename it when the body succeeds."""
        if content is None:
            yield
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            return
        with contextlib.ExitStack() as stack:
            try:
                file, path = stack.enter_context(files.new_file(self._path.parent, f".{self._path.name}."))
                file.write(content.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                raise self._unwritable(error) from error
            yield
            files.replace(path, self._path)

    def _unwritable(self, error: OSError) -> EngineError:
        return bad_spec(self._where, f"{self._path.parent} is not writable: {error.strerror}.")

    def clear(self) -> None:
        """Delete the temporary files of killed runs: those that no process has locked."""
        for path in self._path.parent.glob(f".{self._path.name}.????????"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if files.try_lock(file):
                    path.unlink()
