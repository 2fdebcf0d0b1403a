# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators allowed for some hours: which destinations nf_tables still lets through, and who said so."""

from __future__ import annotations

import ipaddress
import struct
import time
from pathlib import Path
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import dump_counted
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    TABLE,
    TEMPORARY_ALLOW_SET,
    of_version,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units import keys, temporary

from .denied_ledger import protocol_name

_SETS = {of_version(TEMPORARY_ALLOW_SET, version): size for version, size in ((4, 4), (6, 16))}
"""Bytes of the address in the keys of each set: address . protocol . port, each filled up to four bytes."""


def read(events: Sequence[Mapping[str, Any]], file: Path) -> list[dict[str, str | None]]:
    """Return the destinations (``to``), when each ends (``until``), and who allowed it for what (``who``, ``why``).

    Also for which systemd unit (``unit``), None for everybody. events: of the journal, oldest first. file: of what is
    open to units.
    """
    now, dumped = time.monotonic(), dump_counted(*TABLE, _SETS)
    openings = [
        temporary.Opening("", *_destination(element.key, size), now + (element.left or 0.0))
        for name, size in _SETS.items()
        for element in sorted(dumped.get(name, ()))
        if len(element.key) == size + 8
    ]
    of_units = temporary.read(file)
    if of_units and keys.held([*temporary.SETS.values()]):
        openings += of_units
    return [_about(opening, opening.until - now, events) for opening in openings]


def _destination(key: bytes, size: int) -> tuple[str, str, int]:
    (port,) = struct.unpack_from(">H", key, size + 4)
    return str(ipaddress.ip_address(key[:size])), protocol_name(key[size]), port


def _about(opening: temporary.Opening, left: float, events: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    destination = f"{opening.address} {opening.protocol}/{opening.port}"
    none: Mapping[str, Any] = {}
    event = next((event for event in reversed(events) if _allows(event, destination, opening.unit)), none)
    return {
        "to": destination,
        "unit": opening.unit or None,
        "until": clock.utc(time.time() + left),
        "who": str(event.get("who", "")),
        "why": str(event.get("why", "")),
    }


def _allows(event: Mapping[str, Any], destination: str, unit: str) -> bool:
    """Return whether this event allowed it; it names several destinations with commas, their unit, and then the end."""
    destinations, _for, named = str(event.get("what", "")).partition(" until ")[0].partition(" for ")
    return event["event"] == "allowed" and destination in destinations.split(", ") and named == unit
