# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The denied ledger, as nf_tables keeps it: which flows were rejected, and how often."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    LEDGER_FULL_COUNTER,
    LEDGER_SETS,
    TABLE,
    would_deny,
)

_FULL = (LEDGER_FULL_COUNTER, would_deny(LEDGER_FULL_COUNTER))
"""Counters of packets for which the sets had no room."""


@dataclass(frozen=True)
class DeniedLine:
    """One line of the ledger. uid: None for packets without a socket; port: None for protocols without ports.

    packets: since the line was made; seconds: since the last packet; observed: mode observe accepted the packets.
    """

    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    seconds: int
    observed: bool


def ledger(table: LiveTable) -> list[DeniedLine]:
    """Return every line of the ledger, the most frequent first."""
    return read(table)[0]


def read(table: LiveTable) -> tuple[list[DeniedLine], int]:
    """Return every line of the ledger, the most frequent first, and the packets that it had no room for."""
    text = table.json("table", *TABLE)
    objects: list[dict[str, Any]] = json.loads(text)["nftables"] if text else []
    lines = [line for item in objects if "set" in item for line in _lines(item["set"])]
    rest = sum(item["counter"]["packets"] for item in objects if item.get("counter", {}).get("name") in _FULL)
    return sorted(lines, key=lambda line: (-line.packets, line.address, line.port or 0)), rest


def packets(table: LiveTable) -> dict[tuple[str, str, int | None, int | None], int]:
    """Return how many packets of each flow (address, protocol, port, uid) were rejected or would have been."""
    counts: dict[tuple[str, str, int | None, int | None], int] = {}
    for line in ledger(table):
        flow = (line.address, line.protocol, line.port, line.uid)
        counts[flow] = counts.get(flow, 0) + line.packets
    return counts


def _lines(collection: dict[str, Any]) -> list[DeniedLine]:
    ledger_set = LEDGER_SETS.get(collection["name"])
    if ledger_set is None:
        return []
    lines = []
    for item in collection.get("elem", []):
        about = item.get("elem", {})
        fields = list(about.get("val", {}).get("concat", []))
        if len(fields) != 2 + ledger_set.port + ledger_set.user:
            continue
        port = int(fields[2]) if ledger_set.port else None
        uid = int(fields[-1]) if ledger_set.user else None
        timeout = int(about.get("timeout", collection.get("timeout", 0)))
        counter = about.get("counter") or {}
        since = max(0, timeout - int(about.get("expires", timeout)))
        lines.append(
            DeniedLine(
                address=str(fields[0]),
                protocol=str(fields[1]),
                port=port,
                uid=uid,
                packets=int(counter.get("packets", 0)),
                seconds=since,
                observed=ledger_set.observed,
            )
        )
    return lines
