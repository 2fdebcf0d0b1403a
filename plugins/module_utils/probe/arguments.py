# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's arguments as probes, checked before anything is sent."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .model import ANSWERED, FAILED, REFUSED, SILENT, Probe, ProbeError, Result

if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence


@dataclass(frozen=True)
class Request:
    """Probes, seconds for each, and how many of one user at once."""

    probes: tuple[Probe, ...]
    timeout: float
    parallel: int


def parse(params: Mapping[str, Any]) -> Request:
    """Return what the module is asked to do. Raises ProbeError naming the probe at fault."""
    if params["timeout"] <= 0:
        raise ProbeError("timeout must be more than 0 seconds")
    if params["parallel"] < 1:
        raise ProbeError("parallel must be at least 1")
    probes = tuple(_probe(index, probe) for index, probe in enumerate(params["probes"]))
    return Request(probes, params["timeout"], params["parallel"])


def _probe(index: int, given: Mapping[str, Any]) -> Probe:
    try:
        address = ipaddress.ip_address(given["to"])
    except ValueError as error:
        raise ProbeError(f'"{given["to"]}" is no IPv4 or IPv6 address (names are not looked up)', index) from error
    if not 1 <= given["port"] <= 65535:
        raise ProbeError(f"port {given['port']} is not in 1 to 65535", index)
    return Probe(str(address), given["protocol"], given["port"], given["user"], given["name"])


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Return how many results had which outcome; all outcomes are there."""
    found = Counter(result.outcome for result in results)
    return {outcome: found[outcome] for outcome in (ANSWERED, REFUSED, SILENT, FAILED)}
