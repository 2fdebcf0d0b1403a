# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of units: what would change, and changing it. A file is whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .render_units import RenderedUnit


@dataclass(frozen=True)
class FileChange:
    """A file that is not as it should be. None: it is not there, or shall not be."""

    path: Path
    before: str | None
    after: str | None

    def diff(self) -> dict[str, str]:
        """As Ansible shows it."""
        path = str(self.path)
        return {
            "before": self.before or "",
            "after": self.after or "",
            "before_header": path,
            "after_header": path if self.after is not None else f"{path} (removed)",
        }


def file_changes(built: Iterable[RenderedUnit], directory: Path) -> list[FileChange]:
    """What is not as it should be. Raises OSError for what cannot be read."""
    found = []
    for unit in built:
        path = directory / unit.file
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before != unit.text:
            found.append(FileChange(path, before, unit.text))
    return found


def write(changes: Iterable[FileChange]) -> None:
    """Make it so; each file by renaming a complete one. Raises OSError."""
    for change in changes:
        if change.after is None:
            change.path.unlink()
            continue
        change.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=change.path.parent, prefix=".tidegate-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(change.after)
        Path(name).chmod(0o644)
        Path(name).replace(change.path)
