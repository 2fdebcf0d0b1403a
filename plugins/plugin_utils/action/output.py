# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that actions write on the controller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError


class OutputError(ControllerError):
    """A file on the controller that cannot be read or written."""

    reason = "not_written"


@contextmanager
def errors() -> Iterator[None]:
    """Raise OutputError for an OSError."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename} cannot be written on the controller: {error.strerror}. "
            "Fix: name a directory in which you may write."
        ) from error


def read(path: Path) -> str:
    """Return the text of a file, "" when it does not exist. Raise OutputError."""
    with errors():
        return path.read_text(encoding="utf-8") if path.exists() else ""


def write(directory: Path, files: Mapping[str, str]) -> list[str]:
    """Write texts by file name into a directory that is made when missing; return the paths. Raise OutputError."""
    with errors():
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_text(content, encoding="utf-8")
    return [str(directory / name) for name in files]
