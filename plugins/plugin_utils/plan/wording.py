# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets in the words of the policy: networks, services, users, and how much of each there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
"""How many of a kind are written out; the rest is counted."""
_NAMES = {number: name for name, number in services.PORT_PROTOCOLS.items()}
_BIG = 10**9


Words = tuple[tuple[str, AddressSet], ...]
"""Words of the policy, and what they stand for on a host."""


def address_text(found: AddressSet, most: int = SHOWN, words: Words = ()) -> str:
    """Networks and ranges, those that are many shortened: `10.0.0.0/8, 192.0.2.1 and 7 more (1,024 addresses)`."""
    if found == EVERYTHING:
        return "any address"
    for word, meant in words:
        if meant == found:
            return word
    elements = [*found.elements(4), *found.elements(6)]
    if len(elements) <= most:
        return ", ".join(elements)
    counted = " and ".join(
        f"{_count(found.size(version))} IPv{version} addresses" for version in (4, 6) if found.size(version)
    )
    return f"{', '.join(elements[: most - 1])} and {len(elements) - most + 1} more ({counted})"


def service_text(spoken: ServiceSet, most: int = SHOWN) -> str:
    """As a policy writes them: `tcp/443, udp/1000-1010, icmp`; nearly all of them as `any service but …`."""
    if spoken == services.ANY:
        return "any service"
    rest = services.ANY - spoken
    if len(rest.line) < len(spoken.line) or len(spoken.protocols()) > 128:
        return f"any service but {_listed(list(_services(rest)), most)}"
    return _listed(list(_services(spoken)), most)


def _services(spoken: ServiceSet) -> Iterator[str]:
    protocols = spoken.protocols()
    both = protocols.get(services.ICMP) == protocols.get(services.ICMPV6) == services.WHOLE
    for number, ports in protocols.items():
        if both and number == services.ICMPV6:
            continue
        if number in _NAMES:
            yield from _ports(_NAMES[number], ports)
        elif number in (services.ICMP, services.ICMPV6):
            name = "icmp" if both else "icmp (IPv4)" if number == services.ICMP else "icmp (IPv6)"
            kinds = [f"{first}-{last}" if first != last else str(first) for first, last in ports]
            yield name if ports == services.WHOLE else f"{name} type {', '.join(kinds)}"
        else:
            yield f"proto/{number}"


def _ports(name: str, ports: Sequence[tuple[int, int]]) -> Iterator[str]:
    for first, last in ports:
        if (first, last) in ((0, PORTS - 1), (1, PORTS - 1)):
            yield name
        else:
            yield f"{name}/{first}" if first == last else f"{name}/{first}-{last}"


def user_text(user: str | None) -> str:
    """Who: `everybody`, `payd`, `packets without a socket`."""
    if user is None:
        return "packets without a socket"
    return user or "everybody"


def region_lines(region: Region, most: int = SHOWN, words: Words = ()) -> list[str]:
    """One line for each group of addresses: `203.0.113.0/24 with tcp/443`."""
    return [f"{address_text(found, most, words)} with {service_text(spoken, most)}" for found, spoken in _boxes(region)]


def reach_rows(reach: Reach, most: int = SHOWN, words: Words = ()) -> list[tuple[str, str, str]]:
    """(users, addresses, services) of everything in it; users with the same share a row.

    Whoever reaches no more than everybody, and packets without a socket where they are like everybody, are not named.
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
        for found, spoken in _boxes(region):
            rows.append((", ".join(users), address_text(found, most, words), service_text(spoken, most)))
    rows += [(f"everybody but {user}", *cells) for user, cells in _less(reach, most, words)]
    return rows


def _less(reach: Reach, most: int, words: Words) -> Iterator[tuple[str, tuple[str, str]]]:
    """Those who have less of it than everybody else."""
    for user, region in reach.named:
        for found, spoken in _boxes(reach.others - region):
            yield user, (address_text(found, most, words), service_text(spoken, most))


def _boxes(region: Region) -> list[tuple[AddressSet, ServiceSet]]:
    """The region's boxes, with ICMP as the policy writes it: one service for both families."""
    stretches = [(number * PORTS, (number + 1) * PORTS - 1) for number in (services.ICMP, services.ICMPV6)]
    whole = [next((one for start, end, one in region.pieces if start <= a and b <= end), NOTHING) for a, b in stretches]
    parts = [any(start <= b and a <= end for start, end, _one in region.pieces) for a, b in stretches]
    if not any(whole) or any(part and not one for part, one in zip(parts, whole, strict=True)):
        return region.boxes()
    both = AddressSet(v4=whole[0].v4, v6=whole[1].v6)
    found: dict[AddressSet, list[tuple[int, int]]] = {both: list(stretches)}
    for start, end, one in region.pieces:
        for first, last in subtract(((start, end),), tuple(stretches)):
            found.setdefault(one, []).append((first, last))
    return [(one, ServiceSet(normalise(line))) for one, line in found.items()]


def _listed(texts: Sequence[str], most: int) -> str:
    if len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[: most - 1])} and {len(texts) - most + 1} more"


def _count(number: int) -> str:
    if number < _BIG:
        return f"{number:,}"
    return f"2^{number.bit_length() - 1}" if number & (number - 1) == 0 else f"about 2^{number.bit_length()}"
