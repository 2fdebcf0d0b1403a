# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A source of flows as its user declares it, and its files as they are found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["vpc", "conntrack", "ledger", "ulogd", "squid", "athena", "insights"]
Content = Literal["text", "json", "parquet"]


@dataclass(frozen=True)
class LogFile:
    """path: as declared, for people and for Python. alias: the name under which DuckDB opens it.

    content: what its first bytes say. start: the beginning of its text, decompressed, "" for Parquet.
    """

    path: Path
    alias: Path
    content: Content
    start: str = ""

    @property
    def first_line(self) -> str:
        """The first line that is not empty, "" when there is none."""
        return next((line.strip() for line in self.start.splitlines() if line.strip()), "")


@dataclass(frozen=True)
class Source:
    """kind: what its files are. paths: of the files that are declared. where: its place among the variables.

    host: the host that all of it is about, None when the flows say themselves. format: the fields of a VPC flow log
    whose files do not begin with them. files: those of its paths that have content, once they are opened.
    """

    kind: Kind
    paths: tuple[Path, ...]
    where: str
    host: str | None = None
    format: str | None = None
    files: tuple[LogFile, ...] = ()
