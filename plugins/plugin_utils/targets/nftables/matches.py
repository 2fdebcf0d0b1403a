# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft text for addresses and services: matches, in the spelling that nft 0.9.8, 1.0.6 and 1.1.3 all read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

Spec = dict[str, Any]
TCP, UDP = services.PORT_PROTOCOLS["tcp"], services.PORT_PROTOCOLS["udp"]
FAMILIES = {4: "ip", 6: "ip6"}
# Protocols that nft's grammar knows by itself; other names need /etc/protocols on the host, so they stay numbers.
_KEYWORDS = {number: name for name, number in services.PORT_PROTOCOLS.items()} | {
    1: "icmp",
    50: "esp",
    51: "ah",
    58: "icmpv6",
}
# A protocol that an address family cannot carry.
_FOREIGN = {4: services.ICMPV6, 6: services.ICMP}


def address_sets(name: str, found: AddressSet) -> list[Spec]:
    """The named interval sets `<name>4` and `<name>6`; none for a family without addresses."""
    return [
        {"name": f"{name}{version}", "type": f"ipv{version}_addr", "flags": ["interval"], "elements": elements}
        for version in (4, 6)
        if (elements := found.elements(version))
    ]


def matches(name: str, found: AddressSet, spoken: ServiceSet, side: str = "daddr", also: str = "") -> list[str]:
    """One match for each family and protocol shape: `tcp dport { 443, 8443 } ip daddr @allow_x4`.

    Ports come first: to compare one costs the kernel a sixth of what it costs to look an address up in a set.
    also: a second pair of sets that the address must be in. A family without addresses and a protocol that a family
    cannot carry give no match at all, never a wider one.
    """
    return [
        " ".join([shape, *(f"{FAMILIES[version]} {side} @{one}{version}" for one in (also, name) if one)]).lstrip()
        for version in (4, 6)
        if found.family(version)
        for shape in service_matches(spoken, version)
    ]


def service_matches(spoken: ServiceSet, version: int) -> list[str]:
    """The services as matches on one address family; "" for all of them."""
    if spoken == services.ANY:
        return [""]
    protocols = {number: ports for number, ports in spoken.protocols().items() if number != _FOREIGN[version]}
    shapes: list[str] = []
    whole = [number for number, ports in protocols.items() if ports == services.WHOLE]
    parts = {number: ports for number, ports in protocols.items() if ports != services.WHOLE}
    if TCP in parts and parts.get(UDP) == parts[TCP]:
        shapes.append(f"meta l4proto {{ tcp, udp }} th dport {_set(parts[TCP])}")
        parts = {number: ports for number, ports in parts.items() if number not in (TCP, UDP)}
    shapes.extend(f"{_KEYWORDS[number]} dport {_set(ports)}" for number, ports in parts.items())
    if whole:
        shapes.append(_protocols(whole, spoken))
    return shapes


def named_set(values: Sequence[str]) -> str:
    """An anonymous set, or the value itself where there is one."""
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _set(ports: intervals.Intervals) -> str:
    return named_set([str(first) if first == last else f"{first}-{last}" for first, last in ports])


def _protocols(whole: Sequence[int], spoken: ServiceSet) -> str:
    """All of some protocols. The many that are meant by "any but these" are written as just that."""
    others: list[int] | None = None
    if len(whole) > 128:
        others = [number for number in range(256) if spoken.protocols().get(number) != services.WHOLE]
    listed = named_set([_KEYWORDS.get(number, str(number)) for number in others or whole])
    return f"meta l4proto {'!= ' if others else ''}{listed}"
