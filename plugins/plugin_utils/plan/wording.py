# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets in the words of the policy: networks, services, users, and how much of each there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import noun
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    EVERYTHING,
    NOTHING,
    AddressSet,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import normalise, subtract
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORTS, ServiceSet

SHOWN = 6
"""Elements of one kind that are written out; the rest is counted."""
_NAMES = {number: name for name, number in services.PORT_PROTOCOLS.items()}
_BIG = 10**9


Words = tuple[tuple[str, AddressSet], ...]
"""Words of the policy, each with the addresses that it stands for on a host."""


def address_text(addresses: AddressSet, limit: int = SHOWN, words: Words = ()) -> str:
    """Return networks and ranges, `limit` of them at most: `10.0.0.0/8, 192.0.2.1 and 7 more (9 IPv4 addresses)`."""
    if addresses == EVERYTHING:
        return "any address"
    for word, meaning in words:
        if meaning == addresses:
            return word
    elements = [*addresses.elements(4), *addresses.elements(6)]
    if len(elements) <= limit:
        return ", ".join(elements)
    sizes = " and ".join(
        f"{_count(addresses.size(version))} IPv{version} {noun(addresses.size(version), 'address', 'addresses')}"
        for version in (4, 6)
        if addresses.size(version)
    )
    return f"{_shortened(elements, limit)} ({sizes})"


def service_text(allowed: ServiceSet, limit: int = SHOWN) -> str:
    """Return services as a policy writes them: `tcp/443, udp/1000-1010, icmp`; most of all as `any service but …`."""
    if allowed == services.ANY:
        return "any service"
    rest = services.ANY - allowed
    if len(rest.line) < len(allowed.line) or len(allowed.protocols()) > 128:
        return f"any service but {_shortened(list(_services(rest)), limit)}"
    return _shortened(list(_services(allowed)), limit)


def _services(allowed: ServiceSet) -> Iterator[str]:
    protocols = allowed.protocols()
    both = protocols.get(services.ICMP) == protocols.get(services.ICMPV6) == services.WHOLE
    for number, ports in protocols.items():
        if both and number == services.ICMPV6:
            continue
        if number in _NAMES:
            yield from _ports(_NAMES[number], ports)
        elif number in (services.ICMP, services.ICMPV6):
            name = "icmp" if both else "icmp (IPv4)" if number == services.ICMP else "icmp (IPv6)"
            icmp_types = [f"{first}-{last}" if first != last else str(first) for first, last in ports]
            yield name if ports == services.WHOLE else f"{name} type {', '.join(icmp_types)}"
        else:
            yield f"proto/{number}"


def _ports(name: str, ports: Sequence[tuple[int, int]]) -> Iterator[str]:
    for first, last in ports:
        if (first, last) in ((0, PORTS - 1), (1, PORTS - 1)):
            yield name
        else:
            yield f"{name}/{first}" if first == last else f"{name}/{first}-{last}"


def user_text(user: str | None) -> str:
    """Return whose packets these are: `everybody`, `payd`, `packets without a socket`. user: "" for everybody else."""
    if user is None:
        return "packets without a socket"
    return user or "everybody"


def region_lines(region: Region, limit: int = SHOWN, words: Words = ()) -> list[str]:
    """Return one line for each group of addresses: `203.0.113.0/24 with tcp/443`."""
    return [
        f"{address_text(addresses, limit, words)} with {service_text(allowed, limit)}"
        for addresses, allowed in _boxes(region)
    ]


def reach_rows(reach: Reach, limit: int = SHOWN, words: Words = ()) -> list[tuple[str, str, str]]:
    """Return (users, addresses, services); users who reach the same share a row.

    A user who reaches no more than everybody has no row, nor have packets without a socket that reach as much.
    """
    by_region: dict[Region, list[str]] = {}
    for user, region in reach.parts():
        if user is None and region == reach.others:
            continue
        own = region - reach.others if user else region
        if own:
            by_region.setdefault(own, []).append(user_text(user))
    rows = []
    for region, users in by_region.items():
        for addresses, allowed in _boxes(region):
            rows.append((", ".join(users), address_text(addresses, limit, words), service_text(allowed, limit)))
    rows += [(f"everybody but {user}", *cells) for user, cells in _restricted_users(reach, limit, words)]
    return rows


def _restricted_users(reach: Reach, limit: int, words: Words) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (user, (addresses, services)) of users who reach less than everybody: what they lack."""
    for user, region in reach.named:
        for addresses, allowed in _boxes(reach.others - region):
            yield user, (address_text(addresses, limit, words), service_text(allowed, limit))


def _boxes(region: Region) -> list[tuple[AddressSet, ServiceSet]]:
    """Return the region's boxes, with ICMP and ICMPv6 as one service where both are whole, as a policy writes it."""
    icmp = [(number * PORTS, (number + 1) * PORTS - 1) for number in (services.ICMP, services.ICMPV6)]
    whole = [
        next((addresses for first, last, addresses in region.pieces if first <= start and end <= last), NOTHING)
        for start, end in icmp
    ]
    present = [any(first <= end and start <= last for first, last, _addresses in region.pieces) for start, end in icmp]
    if not any(whole) or any(part and not all_of_it for part, all_of_it in zip(present, whole, strict=True)):
        return region.boxes()
    both = AddressSet(v4=whole[0].v4, v6=whole[1].v6)
    lines: dict[AddressSet, list[tuple[int, int]]] = {both: list(icmp)}
    for start, end, addresses in region.pieces:
        for first, last in subtract(((start, end),), tuple(icmp)):
            lines.setdefault(addresses, []).append((first, last))
    return [(addresses, ServiceSet(normalise(line))) for addresses, line in lines.items()]


def _shortened(texts: Sequence[str], limit: int) -> str:
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[: limit - 1])} and {len(texts) - limit + 1} more"


def _count(number: int) -> str:
    if number < _BIG:
        return f"{number:,}"
    return f"2^{number.bit_length() - 1}" if number & (number - 1) == 0 else f"about 2^{number.bit_length()}"
