# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs written into a directory and read as the playbook reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import database, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import GROUPED, Taken, read

LOGS = Path(__file__).parent / "logs"


def flows(directory: Path, *declared: dict[str, str], skip_damaged: bool = False) -> tuple[Taken, list[dict[str, Any]]]:
    """Read sources (paths relative to ``directory``); return what was read and the flows, in a fixed order."""
    scratch = directory / "scratch"
    taken = read(sources.parse(list(declared), directory), scratch, skip_damaged)
    connection = database.connect(scratch)
    rows = connection.execute(f"SELECT * FROM read_parquet('{scratch / GROUPED}') WHERE skipped IS NULL ORDER BY ALL")
    names = [column[0] for column in rows.description]
    return taken, [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def keys(rows: list[dict[str, Any]]) -> set[tuple[str, str, int, int | None]]:
    """Return (source, destination, protocol, port) of each flow."""
    return {(row["source"], row["destination"], row["protocol"], row["port"]) for row in rows}
