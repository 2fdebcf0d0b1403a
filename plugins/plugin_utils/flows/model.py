# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source of flows as its user declares it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """kind: a key of sources.KINDS. paths: its files, never none. where: its place among the variables.

    host: the host that all of it is about, None when the flows say themselves. format: the fields of a VPC flow log
    whose files do not begin with them.
    """

    kind: str
    paths: tuple[Path, ...]
    where: str
    host: str | None = None
    format: str | None = None
