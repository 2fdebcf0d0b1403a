# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a policy as chains: a few in one chain, many behind a tree of networks, as a router finds its routes.

A set lookup takes the kernel about 0.1 us, an entry whose ports do not match a sixth of that (docs/performance.md), so
a packet's way through many https entries is long. The tree splits the addresses into networks of one entry each, and
those that entries share, so a packet is compared with some networks, a tenth of a lookup each, and then meets the
entries that may name its address, in their order. A map from addresses to verdicts takes the same time, but one that
nft 1.1.2 or later writes crashes every nft before 1.1 that lists it.
Each entry has its rules in a chain of its own: when addresses move, rules of the tree change, which have no counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from .matches import FAMILIES, Spec, destination

IN_A_ROW = 32
"""The most entries with addresses of their own that one chain holds; more of them are found by address."""

_BITS = 4
"""One chain of the tree decides up to the next prefix length that is a multiple of this, so by at most 16 networks.

So a chain depends on nothing but what is in its own network, and one address more or less changes one or two chains.
"""

_DEPTH = 8
"""The most chains of the tree above each other. The kernel takes 16 chains altogether (NFT_JUMP_STACK_SIZE)."""

Rules = list[str | dict[str, Any]]


def allow_chains(
    name: str, entries: Sequence[ResolvedEntry], rules: Callable[[ResolvedEntry], Rules], in_a_row: int
) -> list[Spec]:
    """Return the chain `name` of these entries, then the chains below it. rules: gives the rules of one entry."""
    rules_of = {entry.name: rules(entry) for entry in entries}
    direct = [entry for entry in entries if entry.direct and rules_of[entry.name]]
    if len(direct) <= in_a_row:
        return [{"name": name, "rules": [rule for entry in entries for rule in rules_of[entry.name]]}]
    chains = [{"name": table_names.entry_chain(name, entry.name), "rules": rules_of[entry.name]} for entry in direct]
    lookups: list[str] = []
    for version in FAMILIES:
        if parts := _parts(direct, version):
            tree = _Tree(name, [entry.name for entry in direct], chains)
            lookups += tree.branches(_Network.around(version, parts), "jump", _DEPTH)
    others = [rule for entry in entries if not entry.direct for rule in rules_of[entry.name]]
    return [{"name": name, "rules": [*lookups, *others]}, *chains]


_Part = tuple[int, int, int]


def _parts(entries: Sequence[ResolvedEntry], version: int) -> list[_Part]:
    """Return the destinations of the entries: first and last address, number of the entry."""
    return [
        (first, last, number)
        for number, entry in enumerate(entries)
        for first, last in addresses.union(grant.addresses for grant in entry.grants).family(version)
    ]


@dataclass(frozen=True)
class _Network:
    """A network, and what entries name of it. length: of its prefix."""

    version: int
    first: int
    length: int
    parts: Sequence[_Part]

    @classmethod
    def around(cls, version: int, parts: Sequence[_Part]) -> _Network:
        """Return the smallest network that holds all these parts."""
        lowest, highest = min(first for first, _last, _number in parts), max(last for _first, last, _number in parts)
        rest = (lowest ^ highest).bit_length()
        return cls(version, lowest >> rest << rest, addresses.BITS[version] - rest, parts)

    @property
    def numbers(self) -> list[int]:
        """The entries that name anything of it, in order."""
        return sorted({number for _first, _last, number in self.parts})

    @property
    def is_split(self) -> bool:
        """Whether several entries name some of its addresses and not others."""
        whole = (self.first, self.first + self._size - 1)
        return len({number for first, last, number in self.parts if (first, last) != whole}) > 1

    @property
    def _size(self) -> int:
        return 1 << addresses.BITS[self.version] - self.length

    def halves(self) -> Iterator[_Network]:
        """Yield the smallest networks around what is in its lower and in its upper half."""
        middle = self.first + self._size // 2
        yield self.around(self.version, [(a, min(b, middle - 1), number) for a, b, number in self.parts if a < middle])
        yield self.around(self.version, [(max(a, middle), b, number) for a, b, number in self.parts if b >= middle])

    @property
    def match(self) -> str:
        """The match of packets to it."""
        if not self.length:
            return f"meta nfproto ipv{self.version}"
        return f"{destination(self.version)} {self}"

    def __str__(self) -> str:
        address = addresses.to_text(self.version, self.first)
        return address if self._size == 1 else f"{address}/{self.length}"


@dataclass(frozen=True)
class _Tree:
    """Collects the chains of a tree. name: the chain that leads to it; entries: the names of the entries."""

    name: str
    entries: Sequence[str]
    chains: list[Spec]

    def branches(self, network: _Network, verb: str, depth: int) -> list[str]:
        """Return rules that lead to the entries that name an address of this network. depth: chains below, at most."""
        end = network.length // _BITS * _BITS + _BITS
        networks = [network]
        for _time in range(_BITS):
            networks = [
                half
                for each in networks
                for half in (each.halves() if each.is_split and each.length < end else (each,))
            ]
        return [f"{each.match} {verb} {self._chain(each, depth)}" for each in networks]

    def _chain(self, network: _Network, depth: int) -> str:
        """Return the chain for packets to a network."""
        entries = [table_names.entry_chain(self.name, self.entries[number]) for number in network.numbers]
        if len(entries) == 1:
            return entries[0]
        name = table_names.network_chain(self.name, str(network))
        spec: Spec = {"name": name}
        self.chains.append(spec)
        is_leaf = not network.is_split or depth == 1
        spec["rules"] = [f"jump {entry}" for entry in entries] if is_leaf else self.branches(network, "goto", depth - 1)
        return name
