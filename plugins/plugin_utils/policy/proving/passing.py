# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resolved policy lets through, for every user, address and service at once: `decide` for the whole space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import ICMP, ICMPV6, IGMP, UDP, WITH_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    ResolvedEntry,
    ResolvedPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, Pair, Region, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

NTP = services.of_protocol(UDP, 123, 123)
LOOPBACK = addresses.parse("127.0.0.0/8") | addresses.parse("::1")
_V4, _V6 = AddressSet(v4=EVERYTHING.v4), AddressSet(v6=EVERYTHING.v6)
_MULTICAST = addresses.parse("224.0.0.0/4") | addresses.parse("ff00::/8")
_DHCPV6 = addresses.parse("fe80::/10") | addresses.parse("ff02::1:2")
# Client ports of DHCP (RFC 2131) and DHCPv6 (RFC 8415): the only sources that the floor looks at.
LEASE_PORTS = (68, 546)
PORTED = of_boxes((EVERYTHING, services.of_protocol(number)) for number in WITH_PORTS.values())
"""Every flow of a protocol with ports."""


@dataclass(frozen=True)
class FloorScope:
    """How much of the floor counts.

    servers: the named DNS and NTP servers. rest: all other parts.
    source_port: of the flows; None for one that no part of the floor knows.
    """

    servers: bool = True
    rest: bool = True
    source_port: int | None = None


WHOLE = FloorScope()
SERVERS = FloorScope(rest=False)


def passing(
    resolved: ResolvedPolicy, *, may: bool = False, floor: FloorScope = WHOLE, containers: bool = False
) -> Reach:
    """Return what the policy lets through when it is enforced, whatever its mode.

    may: also what lists filled by others may contain, and DNS to wherever the host's own name servers may be; without
    it they count as empty. containers: about packets of the host's containers, which have no user.
    """
    if resolved.mode == "absent" or (containers and resolved.containers is None):
        return Reach.of_region(SPACE)
    entries = (resolved.containers or ()) if containers else resolved.entries
    opened = Reach.of_boxes((*box, entry.users) for entry in entries for box in _boxes(entry, may))
    reached = (opened - closed_reach(resolved)) | floor_region(resolved, floor, may=may)
    if containers:
        return Reach.of_region(reached.nobody)
    return reached | stays(resolved) if floor.rest else reached


def closed_reach(resolved: ResolvedPolicy) -> Reach:
    """Return what egress_never closes, whatever entries open."""
    never = ((each.addresses, each.services, each.except_users) for each in resolved.never)
    return Reach.of_boxes(never, excepted=True)


def inbound_reach(resolved: ResolvedPolicy) -> Reach:
    """Return what comes in by entries: the addresses are those of the sources. Nobody's, since it has no user yet."""
    return Reach.of_boxes((*box, None) for entry in resolved.inbound or () for box in _boxes(entry, may=True))


def _boxes(entry: ResolvedEntry, may: bool) -> Iterator[Pair]:
    for grant in entry.may if may else entry.grants:
        yield grant.addresses, grant.services


def entry_region(entry: ResolvedEntry, *, may: bool = True) -> Region:
    """Return what one entry opens to its users, before egress_never."""
    return of_boxes(_boxes(entry, may))


def entry_reach(entry: ResolvedEntry) -> Reach:
    """Return the most that one entry may ever open, for its users alone, before egress_never."""
    return Reach.of_boxes((*box, entry.users) for box in _boxes(entry, may=True))


def floor_region(resolved: ResolvedPolicy, floor: FloorScope = WHOLE, *, may: bool = False) -> Region:
    """Return what passes before any entry is looked at."""
    boxes: list[Pair] = []
    if floor.servers:
        boxes += [(named, used) for _part, named, used in servers(resolved)]
        if may and resolved.host_dns and "dns" in resolved.floor:
            boxes.append((EVERYTHING, services.DNS))
    if floor.rest:
        boxes.append((LOOPBACK, services.ANY))
        for part in resolved.floor:
            boxes += _parts(floor.source_port).get(part, [])
    return of_boxes(boxes)


def stays(resolved: ResolvedPolicy) -> Region:
    """Return what never leaves the host: loopback, and what goes to its own addresses."""
    return of_boxes([(LOOPBACK | resolved.own, services.ANY)])


def servers(resolved: ResolvedPolicy) -> Iterator[tuple[str, AddressSet, ServiceSet]]:
    """Yield (part of the floor, addresses, services) of the named servers."""
    for part, named, used in (("dns", resolved.dns, services.DNS), ("ntp", resolved.ntp, NTP)):
        if named and part in resolved.floor:
            yield part, named, used


def _parts(source_port: int | None) -> dict[str, list[Pair]]:
    """Return the parts of the floor that are the same for every policy."""
    lease: list[Pair] = []
    if source_port == LEASE_PORTS[0]:
        lease = [(_V4, services.of_protocol(UDP, 67, 67))]
    elif source_port == LEASE_PORTS[1]:
        lease = [(_DHCPV6, services.of_protocol(UDP, 547, 547))]
    return {
        # Message types of RFC 792 and RFC 4443, RFC 4861, and RFC 2710 with RFC 3810.
        "icmp-errors": [(_V4, _types(ICMP, 3, 11, 12)), (_V6, _types(ICMPV6, 1, 2, 3, 4))],
        "neighbours": [(_V6, _types(ICMPV6, 133, 134, 135, 136))],
        "memberships": [
            (_MULTICAST & _V4, services.of_protocol(IGMP)),
            (_MULTICAST & _V6, _types(ICMPV6, 130, 131, 132, 143)),
        ],
        "dhcp": lease,
    }


def _types(protocol: int, *kinds: int) -> ServiceSet:
    messages = services.NONE
    for kind in kinds:
        messages |= services.of_protocol(protocol, kind, kind)
    return messages
