# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets in the words of the policy: networks, services, users, and how much of each there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import noun
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import (
    EVERYTHING,
    AddressSet,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORTS, ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE, Cgroup

SHOWN = 6
"""Elements of one kind that are written out; the rest is counted."""
_NAMES = {number: name for name, number in services.PORT_PROTOCOLS.items()}
_BIG = 10**9


Words = tuple[tuple[str, AddressSet], ...]
"""Words of the policy, each with the addresses that it stands for on a host."""


def address_text(addresses: AddressSet, limit: int = SHOWN, words: Words = ()) -> str:
    """Return networks and ranges, `limit` of them at most: `10.0.0.0/8, 192.0.2.1 and 7 more (9 IPv4 addresses)`.

    words: what many networks are called instead, also without a few of them: `internet except 203.0.113.0/24`.
    """
    if addresses == EVERYTHING:
        return "any address"
    for word, meaning in words:
        if meaning == addresses:
            return word
    elements = _elements(addresses)
    if len(elements) <= limit:
        return ", ".join(elements)
    for word, meaning in words:
        if addresses <= meaning and len(exceptions := _elements(meaning - addresses)) <= limit:
            return f"{word} except {', '.join(exceptions)}"
    sizes = " and ".join(
        f"{_count(addresses.size(version))} IPv{version} {noun(addresses.size(version), 'address', 'addresses')}"
        for version in (4, 6)
        if addresses.size(version)
    )
    return f"{_shortened(elements, limit)} ({sizes})"


def _elements(addresses: AddressSet) -> list[str]:
    return [*addresses.elements(4), *addresses.elements(6)]


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


def difference_text(key: str, before: str, after: str) -> str:
    """Return one difference of an entry: `services: https → ssh`, or what its addresses gained and lost."""
    sides = (before, after) if key == "addresses" else (before, "→", after)
    return f"{key}: {' '.join(side for side in sides if side)}"


def user_text(user: str | None) -> str:
    """Return whose packets these are: `everybody`, `payd`, `packets without a socket`. user: "" for everybody else."""
    if user is None:
        return "packets without a socket"
    return user or "everybody"


def region_lines(region: Region, limit: int = SHOWN, words: Words = ()) -> list[str]:
    """Return one line for each group of addresses: `203.0.113.0/24 with tcp/443`."""
    return [
        f"{address_text(addresses, limit, words)} with {service_text(allowed, limit)}"
        for addresses, allowed in region.boxes(icmp_as_one=True)
    ]


def reach_rows(reach: Reach, limit: int = SHOWN, words: Words = ()) -> list[tuple[str, str, str]]:
    """Return (who, addresses, services): every flow is in exactly one row, with all who have it."""
    places = units.places("", reach.units())
    return [
        (
            _who_text(who, one.users(), cgroups, places),
            address_text(addresses, limit, words),
            service_text(allowed, limit),
        )
        for cgroups, one in reach.by_cgroup()
        for who, region in one.by_users()
        # Packets without a socket are in no unit.
        if ELSEWHERE in cgroups or who != {None}
        for addresses, allowed in region.boxes(icmp_as_one=True)
    ]


def _who_text(
    who: frozenset[str | None], named: Sequence[str], cgroups: Sequence[Cgroup], places: Sequence[Cgroup]
) -> str:
    """Return who has a row: `everybody`, `everybody but payd`, `payd, www-data`, `root in nginx.service`.

    named: the users who are told apart. cgroups: where; places: all that are told apart.
    """
    inside = ELSEWHERE not in cgroups
    where = _cgroups_text(cgroups if inside else [each for each in places if each not in cgroups], places)
    where = f" in {where}" if inside else f" not in {where}" if where else ""
    if "" in who:
        missing = [user for user in named if user not in who]
        missing += [] if None in who or inside else [user_text(None)]
        return f"everybody but {names_text(missing)}{where}" if missing else user_text("") + where
    return names_text(sorted(user_text(user) for user in who if user is not None or not inside)) + where


def _cgroups_text(cgroups: Sequence[Cgroup], places: Sequence[Cgroup]) -> str:
    """Return places as units, a unit alone where all that is in it is among them; "" for none."""
    complete, left = [], dict.fromkeys(cgroups)
    for place in places:
        whole = [each for each in places if place in (each, each._replace(slice=""), each._replace(service=""))]
        if place in left and all(each in cgroups for each in whole):
            complete.append(str(place))
            left = dict.fromkeys(each for each in left if each not in whole)
    return _shortened([*complete, *map(str, left)], SHOWN)


def names_text(names: Iterable[str], limit: int = SHOWN) -> str:
    """Return names one after the other, `limit` of them at most; `nothing` for none."""
    return _shortened(list(names), limit) or "nothing"


def _shortened(texts: Sequence[str], limit: int) -> str:
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[: limit - 1])} and {len(texts) - limit + 1} more"


def _count(number: int) -> str:
    if number < _BIG:
        return f"{number:,}"
    return f"2^{number.bit_length() - 1}" if number & (number - 1) == 0 else f"about 2^{number.bit_length()}"
