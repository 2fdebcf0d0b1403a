# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden files: what the code is expected to write, kept beside the tests or in the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Golden:
    """Compares texts with golden files. regenerate: write the files instead (`make golden`)."""

    regenerate: bool

    def check(self, path: Path, text: str) -> None:
        """Assert that a file has this text."""
        if self.regenerate:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs. If that is right: make golden"
