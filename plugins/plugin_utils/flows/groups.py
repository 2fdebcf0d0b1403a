# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of one host out of the file that read.py leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import parse_address, to_text

from . import database
from .read import GROUPED

_BATCH = 50_000


def of_host(host: str, addresses: Iterable[str], directory: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the groups of flows that a host opened, with these columns. addresses: by which the logs know it."""
    # The least memory that reads a file of groups: many hosts are judged at once.
    connection = database.connect(directory, memory="200MB", threads=1)
    try:
        rows = connection.execute(
            f"SELECT {', '.join(columns)} FROM read_parquet({database.text(directory / GROUPED)}) "
            "WHERE skipped IS NULL AND (host = ? OR (host IS NULL AND source IN (SELECT unnest(?::VARCHAR[])))) "
            "ORDER BY destination, protocol, port, uid",
            [host, sorted(spellings(addresses))],
        )
        while batch := rows.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(columns, row, strict=True))
    finally:
        connection.close()


def spellings(addresses: Iterable[str]) -> set[str]:
    """Return each address as its user writes it, as nft writes it, and IPv6 without any omission."""
    texts = set()
    for text in addresses:
        version, value = parse_address(text)
        texts |= {text, to_text(version, value)}
        if version == 6:
            texts.add(":".join(f"{value >> shift & 0xFFFF:04x}" for shift in range(112, -1, -16)))
    return texts
