# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of namespaces and containers that say which process made them, so that what a killed run left is known."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

_NAME = re.compile(r"tg-[a-z-]+-(\d+)-[0-9a-f]{6}(?![0-9a-f])")


def own_name(role: str) -> str:
    """Return a new name for something of this process. role: lower-case letters and dashes."""
    return f"tg-{role}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def maker(name: str) -> int | None:
    """Return the id of the process that made what has this name, None for names of others."""
    match = _NAME.match(name)
    return int(match[1]) if match else None


def is_orphan(name: str) -> bool:
    """Return whether the process that made it has ended."""
    pid = maker(name)
    return pid is not None and not Path(f"/proc/{pid}").exists()
