# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a resolved policy lets through, for every user, address and service at once: `decide` for the whole space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    ResolvedEntry,
    ResolvedNever,
    ResolvedPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, Region, of_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .decide import is_one_of

Box = tuple[AddressSet, ServiceSet]
TCP, UDP = services.PORT_PROTOCOLS["tcp"], services.PORT_PROTOCOLS["udp"]
NTP = services.of_protocol(UDP, 123, 123)
LOOPBACK = addresses.parse("127.0.0.0/8") | addresses.parse("::1")
_V4, _V6 = AddressSet(v4=EVERYTHING.v4), AddressSet(v6=EVERYTHING.v6)
_MULTICAST = addresses.parse("224.0.0.0/4") | addresses.parse("ff00::/8")
_DHCPV6 = addresses.parse("fe80::/10") | addresses.parse("ff02::1:2")
# Client ports of DHCP (RFC 2131) and DHCPv6 (RFC 8415): the only sources that the floor looks at.
LEASE_PORTS = (68, 546)
PORTED = of_boxes([(EVERYTHING, services.of_protocol(number)) for number in services.PORT_PROTOCOLS.values()])
"""Every flow of a protocol with ports."""


@dataclass(frozen=True)
class FloorScope:
    """How much of the floor counts. source_port: of the flows, None for one that no part of the floor knows."""

    servers: bool = True
    rest: bool = True
    source_port: int | None = None


WHOLE = FloorScope()
SERVERS = FloorScope(rest=False)
NO_FLOOR = FloorScope(servers=False, rest=False)


def passing(
    resolved: ResolvedPolicy, *, may: bool = False, floor: FloorScope = WHOLE, containers: bool = False
) -> Reach:
    """What the policy lets through when it is enforced, whatever its mode.

    may: also all that lists filled by others may hold, and DNS to wherever the host's own name servers may be; without
    it they count as empty. containers: what comes from the host's containers, which has no user.
    """
    if resolved.mode == "absent" or (containers and resolved.containers is None):
        return Reach(SPACE, SPACE)
    entries = (resolved.containers or ()) if containers else resolved.entries
    base = floor_region(resolved, floor, may=may)
    common = of_boxes(_boxes((entry for entry in entries if entry.users is None), may))
    closed = _Closed(resolved.never)
    others = common - closed.to(None) | base
    named: dict[str, Region] = {}
    for user in () if containers else named_users(resolved):
        own = of_boxes(_boxes((entry for entry in entries if entry.users and is_one_of(user, entry.users)), may))
        named[user] = (common | own) - closed.to(user) | base
    return reach(others, others, named)


def named_users(resolved: ResolvedPolicy) -> list[str]:
    """Every user whom the policy about the host's own traffic names."""
    named = {user for entry in resolved.entries for user in entry.users or ()}
    return sorted(named | {user for never in resolved.never for user in never.except_users})


class _Closed:
    """What egress_never takes from each user; most users share it."""

    def __init__(self, never: Sequence[ResolvedNever]) -> None:
        self._never = never
        self._known: dict[tuple[bool, ...], Region] = {}

    def to(self, user: str | None) -> Region:
        concerned = tuple(not is_one_of(user, one.except_users) for one in self._never)
        if concerned not in self._known:
            held = (one for one, is_concerned in zip(self._never, concerned, strict=True) if is_concerned)
            self._known[concerned] = of_boxes((one.addresses, one.services) for one in held)
        return self._known[concerned]


def _boxes(entries: Iterable[ResolvedEntry], may: bool) -> Iterator[Box]:
    for entry in entries:
        for grant in entry.may if may else entry.grants:
            yield grant.addresses, grant.services


def entry_region(entry: ResolvedEntry, *, may: bool = True) -> Region:
    """What one entry opens to its users, before egress_never."""
    return of_boxes(_boxes([entry], may))


def floor_region(resolved: ResolvedPolicy, floor: FloorScope = WHOLE, *, may: bool = False) -> Region:
    """What passes before any entry is looked at."""
    boxes: list[Box] = []
    if floor.servers:
        boxes += [(found, spoken) for _part, found, spoken in servers(resolved)]
        if may and resolved.host_dns and "dns" in resolved.floor:
            boxes.append((EVERYTHING, services.DNS))
    if floor.rest:
        boxes.append((LOOPBACK, services.ANY))
        for part in resolved.floor:
            boxes += _parts(floor.source_port).get(part, [])
    return of_boxes(boxes)


def servers(resolved: ResolvedPolicy) -> Iterator[tuple[str, AddressSet, ServiceSet]]:
    """(part of the floor, addresses, services) of the named servers."""
    for part, found, spoken in (("dns", resolved.dns, services.DNS), ("ntp", resolved.ntp, NTP)):
        if found and part in resolved.floor:
            yield part, found, spoken


def _parts(source_port: int | None) -> dict[str, list[Box]]:
    """The parts of the floor that are the same for every policy."""
    lease: list[Box] = []
    if source_port == LEASE_PORTS[0]:
        lease = [(_V4, services.of_protocol(UDP, 67, 67))]
    elif source_port == LEASE_PORTS[1]:
        lease = [(_DHCPV6, services.of_protocol(UDP, 547, 547))]
    return {
        # Message types of RFC 792 and RFC 4443, RFC 4861, and RFC 2710 with RFC 3810.
        "icmp-errors": [(_V4, _types(services.ICMP, 3, 11, 12)), (_V6, _types(services.ICMPV6, 1, 2, 3, 4))],
        "neighbours": [(_V6, _types(services.ICMPV6, 133, 134, 135, 136))],
        "memberships": [
            (_MULTICAST & _V4, services.of_protocol(2)),
            (_MULTICAST & _V6, _types(services.ICMPV6, 130, 131, 132, 143)),
        ],
        "dhcp": lease,
    }


def _types(protocol: int, *kinds: int) -> ServiceSet:
    found = services.NONE
    for kind in kinds:
        found |= services.of_protocol(protocol, kind, kind)
    return found
