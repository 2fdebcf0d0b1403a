# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger that the policy keeps in the kernel: `nft -j list table inet tidegate`, as root on one host.

Written down by the host itself, so it has users and no source; what is under observation got through, the rest did not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names

from .columns import number_of, select
from .errors import FlowError
from .model import Source


def read(connection: Any, source: Source) -> list[str]:
    """Put the lines of the ledger into a table of their own and return the SELECT over it. Raises FlowError."""
    if source.host is None:
        raise FlowError(f"{source.where}: a ledger does not say whose it is; add host: and the host's inventory name")
    table = f"ledger_{abs(hash(source.paths)):x}"
    connection.execute(
        f"CREATE TEMP TABLE {table} (destination VARCHAR, protocol VARCHAR, port INTEGER, uid VARCHAR, "
        "accepted BOOLEAN, packets BIGINT, bytes BIGINT)"
    )
    rows = [row for path in source.paths for row in lines(path)]
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    fields = ("destination", "port", "uid", "accepted", "packets", "bytes")
    return [select({**{field: field for field in fields}, "protocol": number_of("protocol")}, table)]


def is_ledger(name: str) -> bool:
    """Whether a set of the table is one that keeps what was refused."""
    return name in table_names.LEDGER_SETS


def lines(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield (destination, protocol, port, uid, accepted, packets, bytes) of each line. Raises FlowError."""
    try:
        objects = json.loads(path.read_text("utf-8"))["nftables"]
    except (OSError, UnicodeError, ValueError, KeyError, TypeError) as error:
        command = f"nft -j list table {table_names.TABLE_TEXT}"
        raise FlowError(f"{path}: this is not what `{command}` prints ({error})") from error
    for item in objects:
        found = item.get("set")
        ledger = table_names.LEDGER_SETS.get(found["name"]) if found else None
        if ledger:
            for element in found.get("elem", []):
                yield _line(ledger, element.get("elem", {"val": element}))


def _line(ledger: table_names.LedgerSet, element: Mapping[str, Any]) -> tuple[Any, ...]:
    fields = list(element["val"]["concat"])
    port = int(fields[2]) if ledger.port else None
    uid = str(fields[-1]) if ledger.user else None
    counted = element.get("counter") or {}
    return (*fields[:2], port, uid, ledger.observed, counted.get("packets"), counted.get("bytes"))
