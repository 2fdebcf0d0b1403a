# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a source: found by name, opened under safe names, searched for damage."""

from __future__ import annotations

import glob
import gzip
import os
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .errors import FlowError
from .model import Content, LogFile

_CHUNK = 1 << 20
_START = 1 << 16
"""Bytes of a file that are looked at to know what it is."""
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_FOREIGN = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
_SUFFIX: dict[Content, str] = {"text": ".log", "json": ".json", "parquet": ".parquet"}


class Damaged(Exception):
    """A file that cannot be read to its end; the message is the reason."""


@dataclass
class OpenedFiles:
    """The files of all sources. empty: those without any content. damaged: path -> reason."""

    files: list[LogFile] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)


def expand(text: str, base: Path) -> list[Path]:
    """Return the files that a path, a directory (with all below it) or a glob names, sorted.

    A file of exactly this name comes first, so that * and [ in names of files mean themselves. In directories and globs
    names that begin with . or _ are left out. Raises FlowError.
    """
    try:
        written = Path(text).expanduser()
        path = base / written
        if path.is_file():
            return [path]
        if path.is_dir():
            names = list(path.rglob("*"))
        else:
            # Path.glob takes no absolute pattern, and a base with * or [ in its name would be a pattern too.
            names = [base / name for name in glob.glob(str(written), root_dir=base, recursive=True)]  # noqa: PTH207
        names = [name for name in names if name.is_file()]
    except (OSError, ValueError, RuntimeError) as error:
        raise FlowError(f"{text!r}: no path of a file: {error}") from error
    files = sorted(name for name in names if not name.name.startswith((".", "_")))
    if not files:
        if path.is_dir():
            raise FlowError(f"{path}: no file in this directory; names that begin with . or _ are left out")
        raise FlowError(f"{path}: no such file or directory. Fix: correct it; what is relative begins at {base}")
    return files


def open_all(paths: Iterable[Path], directory: Path) -> OpenedFiles:
    """Look at every file and give it an alias in ``directory``. Raises FlowError for a file that cannot be opened."""
    opened = OpenedFiles()
    for number, path in enumerate(dict.fromkeys(paths)):
        try:
            file = _open(path, directory, number)
        except Damaged as error:
            opened.damaged[str(path)] = str(error)
            continue
        except OSError as error:
            raise FlowError(f"{path}: cannot be opened: {error.strerror or error}") from error
        if file is None:
            opened.empty.append(str(path))
        else:
            opened.files.append(file)
    return opened


def _open(path: Path, directory: Path, number: int) -> LogFile | None:
    """Return a file under an alias, None when it has no content. Raises Damaged and OSError."""
    with path.open("rb") as file:
        first = file.read(8)
        compressed = first.startswith(_GZIP)
        file.seek(0)
        start = _first_bytes(file, compressed)
        size = os.fstat(file.fileno()).st_size
    if not start.strip():
        return None
    for magic, program in _FOREIGN.items():
        if start.startswith(magic):
            raise Damaged(f"it is compressed with {program}; only gzip is read")
    content = _content(start, path)
    if content == "parquet":
        _check_parquet(path)
    alias = directory / f"{number:06}{_SUFFIX[content]}{'.gz' if compressed else ''}"
    if size:
        alias.symlink_to(path.resolve())
    else:
        # A file of /proc has content, but no size that says so.
        shutil.copyfile(path, alias)
    return LogFile(path, alias, content, "" if content == "parquet" else start.decode("utf-8", "replace"))


def _first_bytes(file: IO[bytes], compressed: bool) -> bytes:
    if not compressed:
        return file.read(_START)
    try:
        with gzip.open(file, "rb") as unpacked:
            return unpacked.read(_START)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged(str(error)) from error


def _content(start: bytes, path: Path) -> Content:
    if start.startswith(_PARQUET) or path.suffix == ".parquet":
        return "parquet"
    return "json" if start.lstrip()[:1] in (b"{", b"[") else "text"


def _check_parquet(path: Path) -> None:
    with path.open("rb") as file:
        begins = file.read(4) == _PARQUET
        file.seek(-4, os.SEEK_END)
        if not begins or file.read(4) != _PARQUET or file.tell() < 12:
            raise Damaged("it is no whole Parquet file")


def read_text(path: Path, most: int = 256 * _CHUNK) -> str:
    """Return a text of at most ``most`` bytes, decompressed. Raises FlowError."""
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP
            file.seek(0)
            unpacked = gzip.GzipFile(fileobj=file) if compressed else file
            content = unpacked.read(most + 1)
        if len(content) > most:
            raise FlowError(f"{path}: larger than {most >> 20} MiB, which no such answer is")
        return content.decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise FlowError(f"{path}: no text: {error}") from error


def damage(path: Path | str, reason: str) -> FlowError:
    """Return the error about a file that cannot be read to its end."""
    return FlowError(
        f"{path}: damaged ({reason}). Fix: fetch it again, or leave damaged files out with "
        "egress_flows_skip_damaged=true"
    )


def broken_archives(files: Iterable[LogFile]) -> dict[str, str]:
    """Return path -> reason of the gzip files that end too early: each is read to its end."""
    broken = {}
    for log in files:
        if log.alias.suffix != ".gz":
            continue
        try:
            with gzip.open(log.path, "rb") as file:
                while file.read(_CHUNK):
                    pass
        except (OSError, EOFError, zlib.error) as error:
            broken[str(log.path)] = str(error)
    return broken
