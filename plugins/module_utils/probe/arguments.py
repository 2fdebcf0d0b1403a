# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's arguments as probes, checked before any packet is sent."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import OUTCOMES, UNSENT, Measurement, Probe, ProbeError

if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence


@dataclass(frozen=True)
class ProbeRequest:
    """Probes to send. timeout: seconds for each; parallel: how many of one user at once."""

    probes: tuple[Probe, ...]
    timeout: float
    parallel: int


def parse(arguments: Mapping[str, Any]) -> ProbeRequest:
    """Return the request that the module's arguments make. Raises ProbeError."""
    if arguments["timeout"] <= 0:
        raise ProbeError(f"timeout must be more than 0 seconds. {UNSENT}")
    if arguments["parallel"] < 1:
        raise ProbeError(f"parallel must be at least 1. {UNSENT}")
    probes = tuple(_probe(index, probe) for index, probe in enumerate(arguments["probes"]))
    return ProbeRequest(probes, arguments["timeout"], arguments["parallel"])


def _probe(index: int, probe: Mapping[str, Any]) -> Probe:
    try:
        address = ipaddress.ip_address(probe["to"])
    except ValueError as error:
        raise ProbeError(
            f'"{probe["to"]}" is not an IPv4 or IPv6 address. Names are not looked up. {UNSENT}', index
        ) from error
    if not 1 <= probe["port"] <= 65535:
        raise ProbeError(f"Port {probe['port']} is not in 1 to 65535. {UNSENT}", index)
    return Probe(str(address), probe["protocol"], probe["port"], probe["user"], probe["name"])


def counts(measurements: Sequence[Measurement]) -> dict[str, int]:
    """Return how often each outcome occurs; every outcome has a key."""
    counter = Counter(measurement.outcome for measurement in measurements)
    return {outcome: counter[outcome] for outcome in OUTCOMES}
