# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy says about names, as the controller sends it: read and checked."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names, intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import Pattern
from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

VERSION = 1
RESOLVER, PERIODIC = "resolver", "periodic"
MODES = (RESOLVER, PERIODIC)
ANY, OBSERVE, ONLY = "any", "observe", "only"
DNS_NAMES = (ANY, OBSERVE, ONLY)

_SHORTEST = 60
"""Seconds that answers are kept at least, or unbound would ask the servers for every question."""

_IPV4_INSIDE = ((0, 96), (0xFFFF << 32, 96), (0x64FF9B << 96, 96), (0x2002 << 112, 16))
"""Where IPv6 has IPv4 addresses inside, and after how many bits: compatible, mapped, NAT64 (RFC 6052), 6to4."""


@dataclass(frozen=True)
class Networks:
    """Addresses of both versions."""

    v4: tuple[intervals.Interval, ...]
    v6: tuple[intervals.Interval, ...]

    def __contains__(self, key: bytes) -> bool:
        """Whether an address, in network byte order, is one of them."""
        ranges, number = self.v4 if len(key) == 4 else self.v6, int.from_bytes(key, "big")
        index = bisect_right(ranges, (number, 1 << 128)) - 1
        return index >= 0 and number <= ranges[index][1]


@dataclass(frozen=True)
class FedSet:
    """The two sets of one entry. within: the networks that its names may lead to; None: all but `refuse`."""

    entry: str
    names: tuple[Pattern, ...]
    set4: str
    set6: str
    within: Networks | None

    def of(self, key: bytes) -> str:
        """Return the set for an address."""
        return self.set4 if len(key) == 4 else self.set6


@dataclass(frozen=True)
class Document:
    """What the policy says about names.

    mode: of MODES. table: family and name. servers: where questions go. floor, grace: seconds, see `stay`.
    dns_names: of DNS_NAMES. allow: what else resolves in mode only. inside: what may lead to which networks inside.
    refuse: addresses that no other answer may carry.
    """

    mode: str
    table: tuple[str, str]
    servers: tuple[str, ...]
    floor: int
    grace: int
    dns_names: str
    allow: tuple[Pattern, ...]
    inside: tuple[tuple[Pattern, Networks], ...]
    sets: tuple[FedSet, ...]
    refuse: Networks

    @property
    def longest_ttl(self) -> int:
        """Seconds for which a client may keep an answer: unbound gives none more."""
        return max(self.floor, _SHORTEST)

    @property
    def stay(self) -> int:
        """Seconds that an address stays in a set after an answer that carried it, or after a new connection to it.

        Connection pools keep an address far longer than its TTL, hence the floor. As no TTL is longer, the last answer
        is always the one that counts: of two names with one address, neither cuts the other's time.
        """
        return self.longest_ttl + self.grace

    @property
    def patterns(self) -> list[Pattern]:
        """All names that resolve in mode only, without repetitions."""
        named = [pattern for fed in self.sets for pattern in fed.names]
        return list(dict.fromkeys([*named, *self.allow, *(pattern for pattern, _networks in self.inside)]))

    @property
    def exact(self) -> list[str]:
        """The names that can be asked for: those of entries without a wildcard."""
        patterns = [pattern for fed in self.sets for pattern in fed.names]
        return list(dict.fromkeys(pattern.name for pattern in patterns if pattern.kind != domain_names.BELOW))


def parse(values: Mapping[str, Any]) -> Document:
    """Return the document in plain values. Raise TidegateError (bad_request) for what it cannot be."""
    try:
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']!r} is not {VERSION}")
        family, name = map(str, values["table"])
        document = Document(
            mode=_one_of(values["mode"], MODES),
            table=(family, name),
            servers=tuple(_server(text) for text in values["servers"]),
            floor=_seconds(values["floor"]),
            grace=_seconds(values["grace"]),
            dns_names=_one_of(values["dns_names"], DNS_NAMES),
            allow=tuple(map(domain_names.parse, values["allow"])),
            inside=tuple((domain_names.parse(key), networks(each)) for key, each in values["inside"].items()),
            sets=tuple(map(_fed_set, values["sets"])),
            refuse=networks(values["refuse"], spellings=True),
        )
        if not document.servers:
            raise ValueError("there is no server")
        if document.mode == PERIODIC:
            _need_exact(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise TidegateError("bad_request", f"The names of the policy cannot be used: {cause}.", "names") from error
    return document


def networks(texts: Iterable[str], *, spellings: bool = False) -> Networks:
    """Return addresses, networks and ranges. spellings: the IPv6 addresses too that have one of the IPv4 inside."""
    ranges: dict[int, list[intervals.Interval]] = {4: [], 6: []}
    for text in texts:
        parsed = intervals.parse(text)
        if parsed is None or not parsed[0] or parsed[1][0] > parsed[1][1]:
            raise ValueError(f"{text!r} is no network")
        ranges[parsed[0]].append(parsed[1])
    if spellings:
        for first, last in ranges[4]:
            for prefix, bits in _IPV4_INSIDE:
                free = 96 - bits
                ranges[6].append((prefix | first << free, prefix | last << free | (1 << free) - 1))
    return Networks(*(tuple(intervals.merged(ranges[version])) for version in (4, 6)))


def _fed_set(values: Mapping[str, Any]) -> FedSet:
    within = values["within"]
    return FedSet(
        entry=str(values["entry"]),
        names=tuple(map(domain_names.parse, values["names"])),
        set4=str(values["set4"]),
        set6=str(values["set6"]),
        within=None if within is None else networks(within),
    )


def _server(text: str) -> str:
    for version in (4, 6):
        parsed = intervals.parse_address(text, version)
        if parsed is not None and parsed[0] == parsed[1]:
            return text
    raise ValueError(f"{text!r} is no address of a server")


def _seconds(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= 10**8:
        raise ValueError(f"{value!r} is no number of seconds")
    return value


def _one_of(value: str, words: tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError(f"{value!r} is not one of {', '.join(words)}")
    return value


def _need_exact(document: Document) -> None:
    for fed in document.sets:
        for pattern in fed.names:
            if pattern.wild:
                raise ValueError(f"{pattern} of entry {fed.entry} is a wildcard, which mode {PERIODIC} cannot ask for")
