# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of openings by the protocol and ports of their rules, before each network becomes a rule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import WIDER, Opening

from .rules import RuleKey, keys

_OTHER_ICMP = {4: services.ICMPV6, 6: services.ICMP}


@dataclass(frozen=True)
class AddressGroup:
    """Addresses with one key, by one or more entries. wider: the part that may be rendered wider."""

    key: RuleKey
    addresses: AddressSet
    openings: tuple[Opening, ...]
    wider: AddressSet = NOTHING

    def networks(self) -> Iterator[tuple[int, int, int]]:
        """Yield (IP version, address, prefix length) of each network that becomes a rule: ICMP has its own version."""
        without = {version for version in (4, 6) if self.key.services <= services.of_protocol(_OTHER_ICMP[version])}
        return (network for network in self.addresses.prefixes() if network[0] not in without)


def by_entry(openings: Sequence[Opening]) -> list[AddressGroup]:
    """Return a group for each opening and key."""
    return [
        AddressGroup(key, opening.addresses, (opening,), opening.addresses if opening.approximate == WIDER else NOTHING)
        for opening in openings
        for key in keys(opening.services)
    ]


def by_key(groups: Sequence[AddressGroup]) -> list[AddressGroup]:
    """Return one group for each key."""
    same_key: dict[RuleKey, list[AddressGroup]] = {}
    for group in groups:
        same_key.setdefault(group.key, []).append(group)
    return [
        AddressGroup(
            key,
            addresses.union(group.addresses for group in same),
            tuple(opening for group in same for opening in group.openings),
            addresses.union(group.wider for group in same),
        )
        for key, same in same_key.items()
    ]


def touches(destinations: AddressSet, version: int, address: int, length: int) -> bool:
    """Return whether a part of the network is in the set."""
    held = destinations.family(version)
    last = address + (1 << (addresses.BITS[version] - length)) - 1
    at = bisect_right(held, last, key=lambda pair: pair[0]) - 1
    return at >= 0 and held[at][1] >= address
