# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program on the host without ever failing."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Sequence

TIMEOUT = 30.0
"""Seconds until a program is stopped."""


@dataclass(frozen=True)
class ProgramOutput:
    """What a program wrote. code: its exit status, None when it is missing or did not end in time."""

    code: int | None
    out: str = ""
    err: str = ""


def run_program(command: Sequence[str]) -> ProgramOutput:
    """Run a program to its end and return what it wrote. Raises nothing."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ProgramOutput(None)
    return ProgramOutput(
        done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )
