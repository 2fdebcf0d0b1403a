# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address sets as networks with exceptions, as Kubernetes and Cilium take them: few blocks for few exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS, AddressSet, to_text


@dataclass(frozen=True)
class IpBlock:
    """A network without some of the networks inside it, never without all."""

    cidr: str
    excepted: tuple[str, ...] = ()

    def spec(self) -> dict[str, object]:
        """Return the block as Kubernetes and Cilium write it."""
        return {"cidr": self.cidr, "except": list(self.excepted)} if self.excepted else {"cidr": self.cidr}


@lru_cache(maxsize=16)
def specs(destinations: AddressSet, key: str = "") -> list[dict[str, object]]:
    """Return the blocks as Kubernetes and Cilium write them, each below a key where one is given.

    The same list for the same addresses, to be read only: a file with this list in many rules writes it once.
    """
    blocks = [block.spec() for block in ip_blocks(destinations)]
    return [{key: block} for block in blocks] if key else blocks


Network = tuple[int, int]
"""(first address, prefix length)."""


@lru_cache(maxsize=16)
def ip_blocks(destinations: AddressSet) -> tuple[IpBlock, ...]:
    """Return exactly this set as blocks, IPv4 before IPv6, each in order. Entries that share a list ask only once."""
    blocks: list[IpBlock] = []
    for version in (4, 6):
        bits = BITS[version]
        inside, _outside = _cover(destinations.family(version), 0, bits, bits)
        for network, holes in inside:
            blocks.append(IpBlock(_text(version, network), tuple(_text(version, hole) for hole in holes)))
    return tuple(blocks)


Blocks = list[tuple[Network, list[Network]]]


def _cover(held: intervals.Intervals, start: int, free: int, bits: int) -> tuple[Blocks, list[Network]]:
    """Return (blocks of the held addresses among the 2^free from start, networks of the others).

    A partly held network is written as several blocks or as one with exceptions, whichever is shorter; an exception
    counts as much as a block.
    """
    end = start + (1 << free) - 1
    if not held:
        return [], [(start, bits - free)]
    if held == ((start, end),):
        return [((start, bits - free), [])], []
    middle = start + (1 << (free - 1))
    low_blocks, low_holes = _cover(intervals.intersect(held, ((start, middle - 1),)), start, free - 1, bits)
    high_blocks, high_holes = _cover(intervals.intersect(held, ((middle, end),)), middle, free - 1, bits)
    blocks, holes = low_blocks + high_blocks, low_holes + high_holes
    if 1 + len(holes) < sum(1 + len(some) for _network, some in blocks):
        blocks = [((start, bits - free), holes)]
    return blocks, holes


def _text(version: int, network: Network) -> str:
    return f"{to_text(version, network[0])}/{network[1]}"
