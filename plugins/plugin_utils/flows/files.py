# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a source: found by name, looked at by their first line, searched for damage."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path

from .errors import FlowError

_CHUNK = 1 << 20


def expand(text: str, base: Path) -> list[Path]:
    """Return the files that a path, a directory (with all below it) or a glob names, sorted. Raises FlowError."""
    path = Path(text).expanduser()
    path = path if path.is_absolute() else base / path
    if path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file()]
    elif path.is_file():
        found = [path]
    else:
        anchor = Path(path.anchor)
        found = [one for one in anchor.glob(str(path.relative_to(anchor))) if one.is_file()]
    found = sorted(one for one in found if not one.name.startswith((".", "_")) and one.stat().st_size)
    if not found:
        raise FlowError(f"{path}: there is no such file, or nothing in it")
    return found


def first_line(path: Path) -> str:
    """Return the first line that is not empty, of a plain or gzip file, "" when there is none. Raises FlowError."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            for line in file:
                if line.strip():
                    return str(line.decode("utf-8", "replace").strip())
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, error) from error
    return ""


def damaged(path: Path, error: Exception | str) -> FlowError:
    """The error about one file that cannot be read to its end."""
    return FlowError(
        f"{path}: damaged ({error}). Fetch it again, or leave damaged files out with egress_flows_skip_damaged=true"
    )


def broken_archives(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Return the gzip files that end too early or are none, with the reason: each is read to its end."""
    found = []
    for path in paths:
        if path.suffix != ".gz":
            continue
        try:
            with gzip.open(path, "rb") as file:
                while file.read(_CHUNK):
                    pass
        except (OSError, EOFError, zlib.error) as error:
            found.append((path, str(error)))
    return found
