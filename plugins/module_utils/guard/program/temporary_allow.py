# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Allow a destination for some hours: elements with a timeout, in sets that every compiled table has."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    PORTED_PROTOCOLS,
    TABLE,
    TABLE_TEXT,
    TEMPORARY_ALLOW_LEVELS,
    TEMPORARY_ALLOW_SET,
    of_version,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units import temporary

SETS = {version: of_version(TEMPORARY_ALLOW_SET, version) for version in (4, 6)}
"""Their keys: address . protocol . port."""
MAX_MINUTES = 7 * 24 * 60
_MAX_DESTINATIONS = 256


@dataclass(frozen=True)
class Destination:
    """An address and a port of a protocol."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.address} {self.protocol}/{self.port}"


def parse(flows: Sequence[Mapping[str, Any]]) -> tuple[Destination, ...]:
    """Return destinations from plain values; raise GuardError (bad_request) for the first invalid one."""
    if not 1 <= len(flows) <= _MAX_DESTINATIONS:
        raise GuardError("bad_request", f"flows: {len(flows)} is not in 1 to {_MAX_DESTINATIONS}. {UNCHANGED}")
    destinations = []
    for flow in flows:
        try:
            address = ipaddress.ip_address(flow["to"])
        except ValueError as error:
            raise GuardError("bad_request", f"flows: {flow['to']!r} is not an address. {UNCHANGED}") from error
        if not 1 <= flow["port"] <= 65535 or flow["protocol"] not in PORTED_PROTOCOLS:
            raise GuardError("bad_request", f"flows: {flow['protocol']}/{flow['port']} is not a port. {UNCHANGED}")
        destinations.append(Destination(address, flow["protocol"], flow["port"]))
    return tuple(destinations)


def allow(
    host: Host, destinations: Sequence[Destination], minutes: int, *, who: str, why: str, unit: str, check: bool = False
) -> str:
    """Allow the destinations from now on; return the time (UTC) at which that ends.

    who, why: for the history. unit: the systemd unit whose sockets only, "" for everybody's.

    Raise TidegateError; then nothing was changed.
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise GuardError("bad_request", f"minutes: {minutes} is not in 1 to {MAX_MINUTES}. {UNCHANGED}")
    with exclusive(host.paths):
        rollback.need_no_pending_change(host.paths)
        _need_sets(host.table)
        if unit:
            _need_unit(host.table, unit)
        else:
            host.table.load(_script(destinations, minutes), check=check)
        until = clock.utc(time.time() + 60 * minutes)
        if not check:
            if unit:
                end = time.monotonic() + 60 * minutes
                openings = [temporary.Opening(unit, str(to.address), to.protocol, to.port, end) for to in destinations]
                temporary.add(host.paths.temporary_units, openings)
            what = f"{', '.join(map(str, destinations))}{f' for {unit}' if unit else ''} until {until}"
            journal.add(host.paths, "allowed", who=who, what=what, why=why)
    return until


def _need_sets(table: LiveTable) -> None:
    if not table.exists():
        raise GuardError("not_found", f"There is no egress policy on this host, so nothing to allow. {UNCHANGED}")
    if not all(table.json("set", *TABLE, name) for name in SETS.values()):
        raise GuardError(
            "not_found",
            f"The table on this host has no set {SETS[4]}: an older release made it, or it is the fail-safe table. "
            f"{UNCHANGED} Fix: run the role first.",
        )


def _need_unit(table: LiveTable, unit: str) -> None:
    try:
        unit_names.check(unit)
    except unit_names.UnitNameError as error:
        raise GuardError("bad_request", f'unit: "{unit}" {error.cause}. {UNCHANGED} Fix: {error.fix}.') from error
    if not {*unit_names.levels(unit)} <= {*TEMPORARY_ALLOW_LEVELS}:
        raise GuardError(
            "bad_request",
            f'unit: "{unit}" is below more than 3 slices. {UNCHANGED} Fix: name a service in it.',
        )
    if not all(table.json("set", *TABLE, name) for name in temporary.SETS.values()):
        raise GuardError(
            "not_found",
            f"The table on this host has no set {temporary.SETS[4]}: no entry of its policy names a unit. "
            f"{UNCHANGED} Fix: set egress_ledger_units: true and run the role, or leave out the unit.",
        )


def _script(destinations: Sequence[Destination], minutes: int) -> str:
    """Return the transaction. Adding an element again would keep its timeout, so it is deleted first."""
    lines = []
    for destination in destinations:
        name = SETS[destination.address.version]
        key = f"{destination.address} . {destination.protocol} . {destination.port}"
        lines += [f"{verb} element {TABLE_TEXT} {name} {{ {key} }}" for verb in ("add", "delete")]
        lines.append(f"add element {TABLE_TEXT} {name} {{ {key} timeout {minutes}m }}")
    return "".join(f"{line}\n" for line in lines)
