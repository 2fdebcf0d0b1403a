# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host's own configuration is, and reading it without ever failing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

MOST = 1 << 20
"""Bytes of one file that are looked at; configuration is smaller, and a log that somebody linked there is not."""

TIMEOUT = 30.0
"""Seconds that a program may take to say what it has."""


@dataclass(frozen=True)
class Said:
    """What a program said. code: its exit status, None when it is not there or did not end in time."""

    code: int | None
    out: str = ""
    err: str = ""


@dataclass(frozen=True)
class Host:
    """The files of a host. root: what comes before each path, "" on a real host."""

    root: str = ""

    def at(self, path: str) -> Path:
        """Return an absolute path below the root."""
        return Path(self.root + path)

    def text(self, path: str) -> str:
        """Return a file's text, "" when there is none or it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(MOST).decode("utf-8", "replace")
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        try:
            return self.at(path).exists()
        except OSError:
            return False

    def link(self, path: str) -> str:
        """Return what a symbolic link says, "" when it is none or cannot be read."""
        try:
            return os.readlink(str(self.at(path)))
        except OSError:
            return ""

    def files(self, *patterns: str) -> list[str]:
        """Return the paths of the files that patterns such as /etc/apt/*.list match, in order and each once."""
        found: dict[str, None] = {}
        for pattern in patterns:
            for path in sorted(Path(self.root or "/").glob(pattern.lstrip("/"))):
                if path.is_file():
                    found["/" + str(path.relative_to(self.root or "/"))] = None
        return list(found)

    def texts(self, *patterns: str) -> list[tuple[str, str]]:
        """Return (path, text) of the files that patterns match."""
        return [(path, self.text(path)) for path in self.files(*patterns)]


def say(command: Sequence[str]) -> Said:
    """Run a program to its end and return what it said; never raises."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return Said(None)
    return Said(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
