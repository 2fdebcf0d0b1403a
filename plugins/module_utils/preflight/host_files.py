# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a host's own configuration without ever failing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1 << 20
"""Bytes of one file that are read; configuration is smaller, and a log that somebody linked there is not."""


@dataclass(frozen=True)
class HostFiles:
    """The files of a host. root: what comes before each path, "" on a real host."""

    root: str = ""

    def at(self, path: str) -> Path:
        """Return an absolute path below the root."""
        return Path(self.root + path)

    def text(self, path: str) -> str:
        """Return a file's text, "" when there is none or it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Return whether there is such a file or folder."""
        try:
            return self.at(path).exists()
        except OSError:
            return False

    def link(self, path: str) -> str:
        """Return the target of a symbolic link, "" when there is none or it cannot be read."""
        try:
            return os.readlink(str(self.at(path)))
        except OSError:
            return ""

    def files(self, *patterns: str) -> list[str]:
        """Return the paths of the files that match patterns such as /etc/apt/*.list, sorted for each pattern."""
        root = self.root or "/"
        matches = (path for pattern in patterns for path in sorted(Path(root).glob(pattern.lstrip("/"))))
        return list(dict.fromkeys("/" + str(path.relative_to(root)) for path in matches if path.is_file()))

    def texts(self, *patterns: str) -> list[tuple[str, str]]:
        """Return (path, text) of the files that match the patterns."""
        return [(path, self.text(path)) for path in self.files(*patterns)]
