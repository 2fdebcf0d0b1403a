# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a fleet added up: by group, user, host and time. Every view of the report is made of these sums."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import is_refused
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.sender import sender

from .sources import HOST_LIMIT, HostData, shown

DECISIONS = ("rejected", "would_reject", "allowed")
"""By their number in the columns; what is not allowed comes first."""
ALLOWED = DECISIONS.index("allowed")
NO_TIER = "(no tier)"
HOUR, DAY = 3600, 86400
_NAMES = 8
"""Names of a destination that are kept: several say that none of them is sure."""
_MOST = 2**32 - 1

GroupKey = tuple[str, str, str, int]
"""Tier, destination, service, number of the decision."""


class Numbers(dict[str, int]):
    """Gives each text a number, in the order of their first use."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


@dataclass
class Group:
    """Flows of a tier to one destination and service with one decision.

    hosts: numbers of hosts. users: names. flows: records. first, last: seconds since 1970, 0 where no record has one.
    names: that were asked for. name: the only one, in the page the word for people, see naming.py. nearest: an entry
    that allows it (allowed) or comes nearest.
    """

    hosts: set[int] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    flows: int = 0
    packets: int = 0
    first: int = 0
    last: int = 0
    names: set[str] = field(default_factory=set)
    name: str = ""
    nearest: str = ""
    is_open: bool = False


@dataclass
class Share:
    """What one user or host was rejected. flows: records; destinations: groups, as a set of (destination, service)."""

    flows: int = 0
    packets: int = 0
    hosts: set[int] = field(default_factory=set)
    destinations: set[tuple[str, str]] = field(default_factory=set)


class Totals:
    """Everything that a report knows of flows. end: the time of the report, in seconds since 1970.

    texts: numbers of host, tier, destination, service, user, name and entry. columns: one number of each for a record.
    tier_hosts: hosts of each tier, with those that have no record. flows: records that are not allowed.
    left_out: records beyond HOST_LIMIT, by host. future: records with a time after end.
    """

    def __init__(self, end: float | None = None) -> None:
        self.end = int(time.time() if end is None else end)
        self.records = 0
        self.flows = 0
        self.texts: dict[str, Numbers] = {
            name: Numbers() for name in ("host", "tier", "destination", "service", "user", "name", "entry")
        }
        self.columns: dict[str, array[int]] = {
            name: array("I") for name in (*self.texts, "decision", "packets", "first", "last")
        }
        self.groups: dict[GroupKey, Group] = {}
        self.users: dict[tuple[str, str], Share] = {}
        self.hosts: dict[str, Share] = {}
        self.tier_hosts: dict[str, set[str]] = {}
        self.seen: Counter[tuple[str, int]] = Counter()
        self.left_out: dict[str, int] = {}
        self.future = 0

    def add(self, data: HostData) -> None:
        """Add the records of one host."""
        self.add_host(data.host, data.tier)
        own = self.hosts.setdefault(data.host, Share())
        for record in data.records[:HOST_LIMIT]:
            self._add(data, record, own)
        if len(data.records) > HOST_LIMIT:
            self.left_out[data.host] = len(data.records) - HOST_LIMIT

    def add_host(self, host: str, tier: str | None) -> None:
        """Count a host, which may have no record."""
        self.tier_hosts.setdefault(tier or NO_TIER, set()).add(host)

    def _add(self, data: HostData, record: Mapping[str, Any], own: Share) -> None:
        tier, destination = data.tier or NO_TIER, record["destination"]
        service, decision = service_of(record["protocol"], record["port"]), DECISIONS.index(record["decision"])
        user, packets = shown(sender(record)), record["packets"] or record["flows"] or 0
        first, last = self._times(record)
        nearest = record["entry"] or record["nearest"] or ""
        values = {
            "host": data.host,
            "tier": tier,
            "destination": destination,
            "service": service,
            "user": user,
            "name": (record["name"] if record["name"] != destination else "") or "",
            "entry": nearest,
        }
        for name, text in values.items():
            self.columns[name].append(self.texts[name][text])
        for name, number in (("decision", decision), ("packets", packets), ("first", first), ("last", last)):
            self.columns[name].append(min(number, _MOST))
        self.records += 1
        group = self.groups.setdefault((tier, destination, service, decision), Group())
        group.hosts.add(self.texts["host"][data.host])
        group.users.add(user)
        group.is_open = group.is_open or (is_refused(record) and record["cause"] != "never")
        if values["name"] and len(group.names) < _NAMES:
            group.names.add(values["name"])
            group.name = values["name"] if len(group.names) == 1 else ""
        group.nearest = group.nearest or nearest
        group.first, group.last = min(group.first or first, first or group.first), max(group.last, last)
        shares: list[Group | Share] = (
            [group] if decision == ALLOWED else [group, own, self.users.setdefault((tier, user), Share())]
        )
        for share in shares:
            share.flows += 1
            share.packets += packets
            share.hosts.add(self.texts["host"][data.host])
        if decision != ALLOWED:
            self.flows += 1
            self.seen[tier, first] += 1
            own.destinations.add((destination, service))
            self.users[tier, user].destinations.add((destination, service))

    def _times(self, record: Mapping[str, Any]) -> tuple[int, int]:
        """Return first and last; a clock that is ahead of ours counts as now."""
        first, last = record["first"] or 0, record["last"] or 0
        if max(first, last) > self.end + HOUR:
            self.future += 1
        first = min(first, self.end)
        return first, max(first, min(last, self.end))


@lru_cache(maxsize=100_000)
def service_of(protocol: str, port: int | None) -> str:
    """Return a service as a policy writes it."""
    number = protocols.number(protocol)
    return f"proto/{protocol}" if number is None else services.to_text(number, port)
