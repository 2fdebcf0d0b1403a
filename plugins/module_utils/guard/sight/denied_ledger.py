# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of refused connections, as the kernel keeps it: who tried to reach what, and how often."""

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
"""The compiler's counters of what did not fit into the sets."""


@dataclass(frozen=True)
class Refused:
    """One line of the ledger. uid: None for packets without a socket; port: None for protocols without ports.

    packets: since the line was begun; seconds: since the last of them; would: it was only observed.
    """

    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    seconds: int
    would: bool


def ledger(table: LiveTable) -> list[Refused]:
    """Return every line of the ledger, the most frequent first."""
    return read(table)[0]


def read(table: LiveTable) -> tuple[list[Refused], int]:
    """Return every line of the ledger, the most frequent first, and the packets that it had no room for."""
    text = table.json("table", *TABLE)
    objects: list[dict[str, Any]] = json.loads(text)["nftables"] if text else []
    found = [line for item in objects if "set" in item for line in _lines(item["set"])]
    rest = sum(item["counter"]["packets"] for item in objects if item.get("counter", {}).get("name") in _FULL)
    return sorted(found, key=lambda line: (-line.packets, line.address, line.port or 0)), rest


def packets(table: LiveTable) -> dict[tuple[str, str, int | None, int | None], int]:
    """Return how often each flow was refused or would have been: by address, protocol, port and uid."""
    found: dict[tuple[str, str, int | None, int | None], int] = {}
    for line in ledger(table):
        flow = (line.address, line.protocol, line.port, line.uid)
        found[flow] = found.get(flow, 0) + line.packets
    return found


def _lines(found: dict[str, Any]) -> list[Refused]:
    about_set = LEDGER_SETS.get(found["name"])
    if about_set is None:
        return []
    lines = []
    for item in found.get("elem", []):
        about = item.get("elem", {})
        fields = list(about.get("val", {}).get("concat", []))
        if len(fields) != 2 + about_set.port + about_set.user:
            continue
        port = int(fields[2]) if about_set.port else None
        uid = int(fields[-1]) if about_set.user else None
        timeout = int(about.get("timeout", found.get("timeout", 0)))
        counted = about.get("counter") or {}
        since = max(0, timeout - int(about.get("expires", timeout)))
        lines.append(
            Refused(
                str(fields[0]),
                str(fields[1]),
                port,
                uid,
                int(counted.get("packets", 0)),
                since,
                about_set.observed,
            )
        )
    return lines
