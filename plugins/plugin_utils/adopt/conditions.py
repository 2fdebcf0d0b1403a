# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions that nft and iptables have in common: protocols, ICMP types, states, ports, destinations."""

from __future__ import annotations

import ipaddress

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import NotModelled
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .model import FlowSet

PORTED = tuple(protocols.WITH_PORTS)

ICMP_TYPES = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14,
}  # fmt: skip
ICMPV6_TYPES = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4, "echo-request": 128,
    "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132,
    "nd-router-solicit": 133, "router-solicitation": 133, "nd-router-advert": 134, "router-advertisement": 134,
    "nd-neighbor-solicit": 135, "neighbour-solicitation": 135, "neighbor-solicitation": 135, "nd-neighbor-advert": 136,
    "neighbour-advertisement": 136, "neighbor-advertisement": 136, "nd-redirect": 137, "mld2-listener-report": 143,
}  # fmt: skip
"""Names in nft(8) and iptables-extensions(8); numbers of RFC 792, RFC 4443, RFC 4861, RFC 3810."""

NEW_STATES = {"new", "untracked"}
"""States of the first packet of a flow."""


def protocol_number(name: object) -> int:
    """Return the number of a protocol. Raises NotModelled."""
    number = protocols.number(str(name))
    if number is None or number > 255:
        raise NotModelled(f"protocol {name}")
    return number


def of_protocol(name: object) -> ServiceSet:
    """Return all of a protocol. Raises NotModelled."""
    return services.of_protocol(protocol_number(name))


def of_ports(names: tuple[str, ...], first: int, last: int) -> ServiceSet:
    """Return ports of each of these protocols. Raises NotModelled for what is no range of ports."""
    if not 0 <= first <= last < services.PORTS:
        raise NotModelled(f"port {first}-{last}")
    ports = services.NONE
    for name in names:
        ports |= services.of_protocol(protocols.NUMBERS[name], first, last)
    return ports


def of_icmp_type(number: int, name: object) -> ServiceSet:
    """Return one message type. number: 1 or 58. Raises NotModelled."""
    text = str(name)
    if "/" in text:
        raise NotModelled(f"ICMP code {text}")
    types = ICMP_TYPES if number == services.ICMP else ICMPV6_TYPES
    kind = int(text) if text.isdecimal() and len(text) <= 3 else types.get(text, services.PORTS)
    if kind > 255:
        raise NotModelled(f"ICMP type {text}")
    return services.of_protocol(number, kind, kind)


def destination(text: str) -> AddressSet:
    """Return an address, network or range. Raises NotModelled, also for names: they may mean others tomorrow."""
    begin, dash, end = text.partition("-")
    try:
        first = ipaddress.ip_network(begin, strict=False)
        last = ipaddress.ip_network(end, strict=False) if dash else first
    except ValueError as error:
        raise NotModelled(f"destination {text}") from error
    if first.version != last.version or int(first.network_address) > int(last.broadcast_address):
        raise NotModelled(f"destination {text}")
    return addresses.interval(first.version, int(first.network_address), int(last.broadcast_address))


def new_flows(states: frozenset[str], *, negated: bool) -> FlowSet | None:
    """Return what a condition on the state of connection tracking leaves of new flows, None for nothing."""
    return FlowSet() if bool(states & NEW_STATES) != negated else None
