# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and services as nft text: sets and matches that nft 0.9.8, 1.0.6 and 1.1.3 all read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols, table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

Spec = dict[str, Any]
TCP, UDP = protocols.TCP, protocols.UDP
FAMILIES = {4: "ip", 6: "ip6"}
# Other names need /etc/protocols on the host, so they stay numbers.
_KEYWORDS = {number: name for name, number in protocols.NFT_KEYWORDS.items()}
# A protocol that an address family cannot carry.
_OTHER_ICMP = {4: services.ICMPV6, 6: services.ICMP}


def in_set(name: str, version: int) -> str:
    """Return the operand that looks an address of this version up in a pair of sets, such as `@floor_dns4`."""
    return f"@{table_names.of_version(name, version)}"


def destination(version: int) -> str:
    """Return the field that a set of addresses is declared by.

    By `typeof` and never by `type`: nft 1.1.2 and later store a `type` in a way that crashes nft before 1.1, in every
    container and every copy of nft that lists the ruleset.
    """
    return f"{FAMILIES[version]} daddr"


def address_sets(name: str, destinations: AddressSet, elements_from: str = "") -> list[Spec]:
    """Return the interval sets `<name>4` and `<name>6`, without the one that would be empty.

    elements_from: who adds elements on the host, for IP versions that only it knows; then both are there.
    """
    return [
        {
            "name": table_names.of_version(name, version),
            "typeof": destination(version),
            "flags": ["interval"],
            "elements": elements,
            **({"elements_from": elements_from} if elements_from else {}),
        }
        for version in (4, 6)
        if (elements := destinations.elements(version)) or elements_from
    ]


def matches(
    name: str, destinations: AddressSet, allowed: ServiceSet, side: str = "daddr", also: str = "", *, socket: str = ""
) -> list[str]:
    """Return one match for each IP version and shape of service: `tcp dport { 443, 8443 } ip daddr @allow_x4`.

    side: daddr or saddr. also: a second pair of sets that must contain the address. socket: a match of the socket, ""
    for any. A version without addresses and a protocol that it cannot carry give no match, never a wider one. Ports
    come first, because comparing a port costs the kernel a sixth of a set lookup; addresses come last.
    """
    return [
        " ".join(
            part
            for part in (
                shape,
                socket,
                *(f"{FAMILIES[version]} {side} {in_set(pair, version)}" for pair in (also, name) if pair),
            )
            if part
        )
        for version in (4, 6)
        if destinations.family(version)
        for shape in service_matches(allowed, version)
    ]


def service_matches(allowed: ServiceSet, version: int) -> list[str]:
    """Return the services as matches for one IP version; [""] matches all of them."""
    if allowed == services.ANY:
        return [""]
    protocols = {number: ports for number, ports in allowed.protocols().items() if number != _OTHER_ICMP[version]}
    shapes: list[str] = []
    whole = [number for number, ports in protocols.items() if ports == services.WHOLE]
    parts = {number: ports for number, ports in protocols.items() if ports != services.WHOLE}
    if TCP in parts and parts.get(UDP) == parts[TCP]:
        shapes.append(f"meta l4proto {{ tcp, udp }} th dport {_port_set(parts[TCP])}")
        parts = {number: ports for number, ports in parts.items() if number not in (TCP, UDP)}
    shapes.extend(
        f"{_KEYWORDS[number]} {_types(ports) if number in _OTHER_ICMP.values() else f'dport {_port_set(ports)}'}"
        for number, ports in parts.items()
    )
    if whole:
        shapes.append(_protocols(whole, allowed))
    return shapes


def anonymous_set(values: Sequence[str]) -> str:
    """Return nft's anonymous set of the values; a single value stands alone."""
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _port_set(ports: intervals.Intervals) -> str:
    return anonymous_set([str(first) if first == last else f"{first}-{last}" for first, last in ports])


def _types(types: intervals.Intervals) -> str:
    """Return the match of types of ICMP, one by one, since nft has a name for each of them."""
    return f"type {anonymous_set([str(each) for first, last in types for each in range(first, last + 1)])}"


def _protocols(whole: Sequence[int], allowed: ServiceSet) -> str:
    """Return the match of whole protocols; most of all protocols are written as the exceptions, with `!=`."""
    others: list[int] | None = None
    if len(whole) > 128:
        others = [number for number in range(256) if allowed.protocols().get(number) != services.WHOLE]
    numbers = anonymous_set([_KEYWORDS.get(number, str(number)) for number in others or whole])
    return f"meta l4proto {'!= ' if others else ''}{numbers}"
