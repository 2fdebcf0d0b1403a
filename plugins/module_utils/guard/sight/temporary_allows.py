# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators allowed for some hours: which destinations nf_tables still lets through, and who said so."""

from __future__ import annotations

import ipaddress
import struct
import time
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import (
    CountedElement,
    dump_counted,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    TABLE,
    TEMPORARY_ALLOW_SET,
    of_version,
)

from .denied_ledger import protocol_name

_SETS = {of_version(TEMPORARY_ALLOW_SET, version): size for version, size in ((4, 4), (6, 16))}
"""Bytes of the address in the keys of each set: address . protocol . port, each filled up to four bytes."""


def read(events: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the destinations (``to``), when each ends (``until``), and who allowed it for what (``who``, ``why``).

    events: of the journal, oldest first.
    """
    dumped = dump_counted(*TABLE, _SETS)
    return [
        _about(element, size, events)
        for name, size in _SETS.items()
        for element in sorted(dumped.get(name, ()))
        if len(element.key) == size + 8
    ]


def _about(element: CountedElement, size: int, events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    address = ipaddress.ip_address(element.key[:size])
    (port,) = struct.unpack_from(">H", element.key, size + 4)
    destination = f"{address} {protocol_name(element.key[size])}/{port}"
    none: Mapping[str, Any] = {}
    event = next((event for event in reversed(events) if _allows(event, destination)), none)
    return {
        "to": destination,
        "until": clock.utc(time.time() + (element.left or 0.0)),
        "who": str(event.get("who", "")),
        "why": str(event.get("why", "")),
    }


def _allows(event: Mapping[str, Any], destination: str) -> bool:
    """Return whether this event allowed the destination; it names several with commas, and then the end."""
    named = str(event.get("what", "")).partition(" until ")[0]
    return event["event"] == "allowed" and destination in named.split(", ")
