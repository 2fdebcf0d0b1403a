# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs written into a directory and read as the playbook reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyarrow import parquet

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import GROUPED, LogSummary, read

LOGS = Path(__file__).parent / "logs"


def flows(
    directory: Path, *declared: dict[str, str], skip_damaged: bool = False
) -> tuple[LogSummary, list[dict[str, Any]]]:
    """Read sources (paths relative to ``directory``); return what was read and the flows, in a fixed order."""
    scratch = directory / "scratch"
    logs = read(sources.parse(list(declared), directory), scratch, skip_damaged)
    rows = [row for row in parquet.read_table(scratch / GROUPED).to_pylist() if row["skipped"] is None]
    return logs, sorted(rows, key=lambda row: [str(value) for value in row.values()])


def keys(rows: list[dict[str, Any]]) -> set[tuple[str, str, int, int | None]]:
    """Return (source, destination, protocol, port) of each flow."""
    return {(row["source"], row["destination"], row["protocol"], row["port"]) for row in rows}
