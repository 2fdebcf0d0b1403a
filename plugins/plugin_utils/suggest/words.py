# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations in the words that people use: group, bundle, name, prefix list, network, address, in this order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import BITS, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import Seen, together

from .rules import number

_OF_EVERYBODY = ("all", "ungrouped")
"""Groups of Ansible's own, which mean nothing to people."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle of names. names: patterns; services: what its entries speak."""

    names: tuple[str, ...]
    services: ServiceSet


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words that a tier's entries may use.

    hosts: inventory host by address. groups: hosts by group. bundles: by name. lists: the content of prefix lists by
    name; shared: those on which anyone can host a service. names: whether the tier's hosts open domain names.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bundles: Mapping[str, Bundle] = field(default_factory=dict)
    lists: Mapping[str, AddressSet] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    names: bool = False


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A destination in the words of a policy, and all that was seen of it. kind: which sort of word it is."""

    kind: str
    to: str
    seen: Seen


def candidates(alike: Sequence[Seen], vocabulary: Vocabulary) -> list[Candidate]:
    """Return what was seen of one service and one user in words, each destination once."""
    covering: list[Candidate] = []
    rest = list(alike)
    named = set[int]()
    for kind, finder in _FINDERS.items():
        for word, several in finder(rest, vocabulary):
            covering.append(Candidate(kind=kind, to=word, seen=together(several)))
            named.update(map(id, several))
        rest = [seen for seen in rest if id(seen) not in named]
    return covering


_Found = Iterator[tuple[str, list[Seen]]]


def _groups(several: Sequence[Seen], vocabulary: Vocabulary) -> _Found:
    """Yield the groups of which at least a share was seen, the one that explains most first, then single hosts."""
    owned: dict[str, list[Seen]] = {}
    for seen in several:
        (destination,) = seen.destinations
        if destination in vocabulary.hosts:
            owned.setdefault(vocabulary.hosts[destination], []).append(seen)
    left = set(owned)
    groups = {name: set(hosts) for name, hosts in vocabulary.groups.items() if name not in _OF_EVERYBODY}
    while left:
        fitting = [
            (-len(left & hosts), len(hosts), name)
            for name, hosts in groups.items()
            if len(left & hosts) > 1 and len(left & hosts) >= number("share") * len(hosts)
        ]
        if not fitting:
            break
        name = min(fitting)[2]
        yield f"group:{name}", [seen for host in sorted(left & groups[name]) for seen in owned[host]]
        left -= groups[name]
    for host in sorted(left):
        yield f"hosts:{host}", owned[host]


def _bundles(several: Sequence[Seen], vocabulary: Vocabulary) -> _Found:
    named = [(seen, _names_of(seen)) for seen in several if vocabulary.names]
    for bundle, content in sorted(vocabulary.bundles.items()):
        patterns = [domain_names.parse(text) for text in content.names]
        fitting = [
            seen
            for seen, names in named
            if names and all(any(domain_names.matches(pattern, name) for pattern in patterns) for name in names)
            if content.services.contains(seen.protocol, seen.port or 0)
        ]
        if fitting:
            yield f"known:{bundle}", fitting


def _names(several: Sequence[Seen], vocabulary: Vocabulary) -> _Found:
    """Yield the name of what has one only: whoever runs a zone can have a name of it lead to any address."""
    named: dict[str, list[Seen]] = {}
    for seen in several:
        names = _names_of(seen)
        if len(names) == 1 and (vocabulary.names or seen.proxied):
            named.setdefault(names[0], []).append(seen)
    yield from named.items()


def _lists(several: Sequence[Seen], vocabulary: Vocabulary) -> _Found:
    left = list(several)
    by_size = sorted(vocabulary.lists.items(), key=lambda item: (item[1].size(4) + item[1].size(6), item[0]))
    for name, content in by_size:
        fitting = [seen for seen in left if all(address in content for address in seen.addresses)]
        if fitting:
            yield f"prefix_list:{name}", fitting
            covered = set(map(id, fitting))
            left = [seen for seen in left if id(seen) not in covered]


def _networks(several: Sequence[Seen], _vocabulary: Vocabulary) -> _Found:
    """Yield networks of which at least a share of the addresses was seen, the widest first."""
    left: dict[tuple[int, int], list[Seen]] = {}
    for seen in several:
        (destination,) = seen.destinations
        left.setdefault(addresses.parse_address(destination), []).append(seen)
    for version, widest in ((4, int(number("widest_ipv4"))), (6, int(number("widest_ipv6")))):
        for length in range(widest, BITS[version]):
            rest = BITS[version] - length
            inside: dict[int, list[tuple[int, int]]] = {}
            for key in left:
                if key[0] == version:
                    inside.setdefault(key[1] >> rest, []).append(key)
            for _network, keys in sorted(inside.items()):
                if len(keys) >= max(number("least"), number("share") * 2**rest):
                    yield (
                        _tight(version, [value for _version, value in keys]),
                        [seen for key in keys for seen in left.pop(key)],
                    )


def _tight(version: int, values: Sequence[int]) -> str:
    """Return the smallest network that holds some addresses: a half in which nothing was seen stays closed."""
    rest = (min(values) ^ max(values)).bit_length()
    return f"{addresses.to_text(version, min(values) >> rest << rest)}/{BITS[version] - rest}"


def _addresses(several: Sequence[Seen], _vocabulary: Vocabulary) -> _Found:
    alike: dict[str, list[Seen]] = {}
    for seen in several:
        (destination,) = seen.destinations
        alike.setdefault(destination, []).append(seen)
    yield from sorted(alike.items())


_FINDERS = {
    "group": _groups,
    "known": _bundles,
    "name": _names,
    "prefix_list": _lists,
    "network": _networks,
    "address": _addresses,
}
"""The kinds of words, what people understand best first."""


def _names_of(seen: Seen) -> list[str]:
    """Return the names that led there, [] where too few hosts say so; what a log has and is no name does not count.

    A name needs as many hosts as a flow: one alone must not say where others may go.
    """
    if seen.proxied:
        return sorted(seen.proxied)
    hosts = {host for _name, host in seen.named_by}
    names = []
    for text in sorted(seen.names) if len(hosts) >= min(int(number("hosts")), len(seen.hosts)) else ():
        with contextlib.suppress(DomainNameError):
            names.append(domain_names.parse(text).name)
    return names
