# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination for some hours: elements of sets that every table has, with a timeout of the kernel."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import journal, pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    PORTED_PROTOCOLS,
    TABLE,
    TEMPORARY_ALLOW_SET,
    of_version,
)

SETS = {version: of_version(TEMPORARY_ALLOW_SET, version) for version in (4, 6)}
"""The compiler's names of the sets; keys: address . protocol . port."""
LONGEST = 7 * 24 * 60
"""Minutes; what is needed for longer belongs into the policy."""
_MOST = 256
"""Elements of one run."""


@dataclass(frozen=True)
class Flow:
    """One address and one port of a protocol."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.address} {self.protocol}/{self.port}"


@dataclass(frozen=True)
class Asked:
    """What shall be allowed. minutes: from now on; who, what: for the history, what being the reason."""

    flows: tuple[Flow, ...]
    minutes: int
    who: str
    what: str


def parse(given: Sequence[Mapping[str, Any]]) -> tuple[Flow, ...]:
    """Return flows from plain values; raise GuardError (bad_request) naming what cannot be."""
    if not 1 <= len(given) <= _MOST:
        raise GuardError("bad_request", f"flows: {len(given)} is not in 1 to {_MOST}. {UNCHANGED}")
    found = []
    for flow in given:
        try:
            address = ipaddress.ip_address(flow["to"])
        except ValueError as error:
            raise GuardError("bad_request", f"flows: {flow['to']!r} is no address. {UNCHANGED}") from error
        if not 1 <= flow["port"] <= 65535 or flow["protocol"] not in PORTED_PROTOCOLS:
            raise GuardError("bad_request", f"flows: {flow['protocol']}/{flow['port']} is no port. {UNCHANGED}")
        found.append(Flow(address, flow["protocol"], flow["port"]))
    return tuple(found)


def allow(host: Host, asked: Asked, *, check: bool = False) -> str:
    """Let out to the flows until a time, which is returned. The caller holds the lock.

    Raise GuardError or EngineError; then nothing was changed.
    """
    if not 1 <= asked.minutes <= LONGEST:
        raise GuardError("bad_request", f"minutes: {asked.minutes} is not in 1 to {LONGEST}. {UNCHANGED}")
    change = pending.read(host.paths)
    if change is not None and change.of_this_boot and not rollback.is_confirmed(host.paths, change):
        raise pending.refusal(change)
    _need_sets(host.table)
    host.table.load(_script(asked), check=check)
    until = clock.utc(time.time() + 60 * asked.minutes)
    if not check:
        what = f"{', '.join(map(str, asked.flows))} until {until}"
        journal.note(host.paths, "allowed", who=asked.who, what=what, why=asked.what)
    return until


def _need_sets(table: LiveTable) -> None:
    if not table.stands():
        raise GuardError("not_found", f"There is no egress policy on this host, so nothing to allow. {UNCHANGED}")
    if not all(table.json("set", *TABLE, name) for name in SETS.values()):
        raise GuardError(
            "not_found",
            "The table on this host has no place for it: an older release made it, or it is the fail-safe one. "
            f"Run the role first. {UNCHANGED}",
        )


def _script(asked: Asked) -> str:
    """Return the transaction. An element that is there already would keep its timeout, so it goes first."""
    table = " ".join(TABLE)
    lines = []
    for flow in asked.flows:
        name, key = SETS[flow.address.version], f"{flow.address} . {flow.protocol} . {flow.port}"
        lines += [f"{verb} element {table} {name} {{ {key} }}" for verb in ("add", "delete")]
        lines.append(f"add element {table} {name} {{ {key} timeout {asked.minutes}m }}")
    return "".join(f"{line}\n" for line in lines)
