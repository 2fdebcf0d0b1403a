# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of refused connections, as the kernel keeps it: who tried to reach what, and how often."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import TABLE
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.table import Kernel

_LEDGER = re.compile(r"(denied|would_deny)(_nosocket)?(_proto)?([46])")
"""The names that the compiler gives the ledger's sets; the infixes say which fields their keys lack."""

_FULL = ("ledger_full", "would_deny_ledger_full")
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


def ledger(kernel: Kernel) -> list[Refused]:
    """Return every line of the ledger, the most frequent first."""
    return read(kernel)[0]


def read(kernel: Kernel) -> tuple[list[Refused], int]:
    """Return every line of the ledger, the most frequent first, and the packets that it had no room for."""
    text = kernel.json("table", *TABLE)
    objects: list[dict[str, Any]] = json.loads(text)["nftables"] if text else []
    found = [line for item in objects if "set" in item for line in _lines(item["set"])]
    rest = sum(item["counter"]["packets"] for item in objects if item.get("counter", {}).get("name") in _FULL)
    return sorted(found, key=lambda line: (-line.packets, line.address, line.port or 0)), rest


def packets(kernel: Kernel) -> dict[tuple[str, str, int | None, int | None], int]:
    """Return how often each flow was refused or would have been: by address, protocol, port and uid."""
    found: dict[tuple[str, str, int | None, int | None], int] = {}
    for line in ledger(kernel):
        flow = (line.address, line.protocol, line.port, line.uid)
        found[flow] = found.get(flow, 0) + line.packets
    return found


def _lines(found: dict[str, Any]) -> list[Refused]:
    name = _LEDGER.fullmatch(found["name"])
    if name is None:
        return []
    lines = []
    for item in found.get("elem", []):
        about = item.get("elem", {})
        fields = list(about.get("val", {}).get("concat", []))
        if len(fields) != 2 + (not name[3]) + (not name[2]):
            continue
        port = None if name[3] else int(fields[2])
        uid = None if name[2] else int(fields[-1])
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
                name[1] == "would_deny",
            )
        )
    return lines
