# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger that the policy keeps in nf_tables: `nft -j list table inet tidegate`, as root on one host.

The host itself writes it, so it has users and no source addresses; what is only observed got through, the rest did not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names

from . import database, files
from .columns import number_of, select
from .errors import FlowError
from .model import Source

_OVERFLOW = {
    table_names.overflow_set(counter, user=user)
    for counter in table_names.MODE_COUNTERS.values()
    for user in (True, False)
}
_FIELDS = ("destination", "protocol", "port", "uid", "accepted", "packets", "bytes")
Line = tuple[str | None, ...]


def read(connection: Any, source: Source) -> list[str]:
    """Put the lines of the ledger into a table of their own and return the SELECT over it. Raises FlowError."""
    if source.host is None:
        raise FlowError(
            f"{source.where}: a ledger does not say which host wrote it. Fix: add host: and the host's inventory name"
        )
    rows = [line for file in source.files for line in lines(file.path)]
    table = database.table(connection, _FIELDS, rows)
    return [select({**{field: field for field in _FIELDS}, "protocol": number_of("protocol")}, table)]


def is_overflow(name: str) -> bool:
    """Return whether a set of the table is one that counts for whose flows the ledger had no room."""
    return name in _OVERFLOW


def is_ledger(name: str) -> bool:
    """Return whether a set of the table is one that keeps what was denied."""
    return name in table_names.LEDGER_SETS


def lines(path: Path) -> Iterator[Line]:
    """Yield the fields of each line as texts; a line that cannot be read has none. Raises FlowError.

    Nor has one of a user for whose further flows the ledger had no room: nobody knows where they went.
    """
    try:
        objects = json.loads(files.read_text(path))["nftables"]
        sets = [item["set"] for item in objects if "set" in item and is_ledger(item["set"]["name"])]
        ledgers = [(table_names.LEDGER_SETS[each["name"]], each.get("elem", [])) for each in sets]
        overflow = [item["set"].get("elem", []) for item in objects if is_overflow(item.get("set", {}).get("name"))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        command = f"nft -j list table {table_names.TABLE_TEXT}"
        raise FlowError(f"{path}: not what `{command}` prints ({type(error).__name__}: {error})") from error
    for ledger, elements in ledgers:
        for element in elements if isinstance(elements, list) else [elements]:
            yield _line(ledger, element)
    for elements in overflow:
        yield from [(None,) * len(_FIELDS)] * (len(elements) if isinstance(elements, list) else 1)


def _line(ledger: table_names.LedgerSet, element: Any) -> Line:
    try:
        wrapped: Mapping[str, Any] = element.get("elem", {"val": element})
        fields = [str(field) for field in wrapped["val"]["concat"]]
        port = fields[2] if ledger.port else None
        uid = fields[-1] if ledger.user else None
        counter = wrapped.get("counter") or {}
        counts = [None if counter.get(name) is None else str(counter[name]) for name in ("packets", "bytes")]
        return (*fields[:2], port, uid, str(ledger.observed), *counts)
    except (AttributeError, KeyError, TypeError, IndexError):
        return (None,) * len(_FIELDS)
