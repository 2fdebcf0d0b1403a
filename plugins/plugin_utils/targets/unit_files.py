# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the files of units; each file is replaced by a rename, so it is always complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .render_units import RenderedUnit


@dataclass(frozen=True)
class UnitFileChange:
    """A file whose content changes. before None: it does not exist. after None: it is removed."""

    path: Path
    before: str | None
    after: str | None

    def diff(self) -> dict[str, str]:
        """Return the change as Ansible displays it."""
        path = str(self.path)
        return {
            "before": self.before or "",
            "after": self.after or "",
            "before_header": path,
            "after_header": path if self.after is not None else f"{path} (removed)",
        }


def file_changes(units: Iterable[RenderedUnit], directory: Path) -> list[UnitFileChange]:
    """Return the changes that make the files equal to the units. Raises OSError for a file that cannot be read."""
    changes = []
    for unit in units:
        path = directory / unit.file
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before != unit.text:
            changes.append(UnitFileChange(path, before, unit.text))
    return changes


def write(changes: Iterable[UnitFileChange]) -> None:
    """Write and remove the files. Raises OSError."""
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
