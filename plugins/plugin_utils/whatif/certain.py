# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy certainly allows to everybody: a query can leave it out of its answer without asking the policy.

It is less than the policy allows: entries for some sockets, and what `never` touches, stay in the answer and are judged
here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

_PORTS = (services.PORT_PROTOCOLS["tcp"], services.PORT_PROTOCOLS["udp"])


RFC1918 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""The internal networks of the classic query."""


@dataclass(frozen=True)
class Certain:
    """Every one of these addresses with every one of these services; neither is empty."""

    addresses: AddressSet
    services: ServiceSet


@dataclass(frozen=True)
class Condition:
    """One line of a query: protocol (None: every one), its ports, and the fewest networks."""

    protocol: int | None
    first: int
    last: int
    v4: tuple[str, ...]
    v6: tuple[str, ...]


def certain(resolved: ResolvedPolicy) -> list[Certain]:
    """Return what is allowed to everybody, joined where the services are the same."""
    by_services: dict[ServiceSet, AddressSet] = {}
    everybody = [entry for entry in resolved.entries if not entry.by_socket]
    pairs = [(grant.services, grant.addresses) for entry in everybody for grant in entry.grants]
    if "dns" in resolved.floor and resolved.dns:
        pairs.append((services.DNS, resolved.dns))
    for allowed, destinations in pairs:
        barred = addresses.union(never.addresses for never in resolved.never if never.services & allowed)
        by_services[allowed] = by_services.get(allowed, NOTHING) | (destinations - barred)
    return [Certain(destinations, allowed) for allowed, destinations in by_services.items() if destinations]


def conditions(resolved: ResolvedPolicy) -> list[Condition]:
    """Return the lines of a query that leaves out what is certainly allowed, in a fixed order."""
    lines = []
    for allowed in certain(resolved):
        texts = allowed.addresses.cidrs()
        v4, v6 = (tuple(text for text in texts if (":" in text) == six) for six in (False, True))
        if allowed.services == services.ANY:
            lines.append(Condition(None, 0, 0, v4, v6))
            continue
        for protocol, stretches in allowed.services.protocols().items():
            lines += [Condition(protocol, first, last, v4, v6) for first, last in stretches]
    return sorted(lines, key=_order)


def _order(line: Condition) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
    return -1 if line.protocol is None else line.protocol, line.first, line.v4, line.v6


def has_ports(condition: Condition) -> bool:
    """Whether a query has to look at the port."""
    whole = (condition.first, condition.last) == services.WHOLE[0]
    return condition.protocol in _PORTS and not whole
