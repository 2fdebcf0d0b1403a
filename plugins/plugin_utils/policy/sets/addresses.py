# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Immutable sets of IPv4 and IPv6 addresses, always both together. netaddr reads the texts of people and lists."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import MissingLibrary
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import TextError

from . import intervals

try:
    import netaddr
except ImportError:  # Ansible reads the documentation of plugins without it
    netaddr = None

BITS = {4: 32, 6: 128}
_PREFIX_LENGTH = re.compile(r"[0-9]{1,3}")


class AddressError(TextError):
    """A text that is not an address, network or range."""

    reason = "bad_address"


@dataclass(frozen=True)
class AddressSet:
    """Addresses as integer intervals: v4 in 0 .. 2^32-1, v6 in 0 .. 2^128-1, each sorted, disjoint and joined."""

    v4: intervals.Intervals = intervals.EMPTY
    v6: intervals.Intervals = intervals.EMPTY

    def __or__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.union(self.v4, other.v4), intervals.union(self.v6, other.v6))

    def __and__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.intersect(self.v4, other.v4), intervals.intersect(self.v6, other.v6))

    def __sub__(self, other: AddressSet) -> AddressSet:
        return AddressSet(intervals.subtract(self.v4, other.v4), intervals.subtract(self.v6, other.v6))

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6)

    def __le__(self, other: AddressSet) -> bool:
        """Tell whether every address of this set is in the other."""
        return not self - other

    def __contains__(self, address: str) -> bool:
        version, value = parse_address(address)
        return intervals.contains(self.family(version), value)

    def family(self, version: int) -> intervals.Intervals:
        """Return the intervals of IP version 4 or 6."""
        return self.v4 if version == 4 else self.v6

    def size(self, version: int) -> int:
        """Return how many addresses of this IP version are in the set."""
        return intervals.size(self.family(version))

    def first(self) -> str | None:
        """Return the lowest address, IPv4 before IPv6; None when the set is empty."""
        for version in (4, 6):
            if self.family(version):
                return to_text(version, self.family(version)[0][0])
        return None

    def each(self) -> Iterator[str]:
        """Yield every address, for sets of few."""
        for version in (4, 6):
            for start, end in self.family(version):
                yield from (to_text(version, value) for value in range(start, end + 1))

    def prefixes(self) -> Iterator[tuple[int, int, int]]:
        """Yield (IP version, address, prefix length) of the fewest networks that are this set, in order."""
        for version in (4, 6):
            for start, end in self.family(version):
                for address, length in intervals.prefixes(start, end, BITS[version]):
                    yield version, address, length

    def cidrs(self) -> list[str]:
        """Return the fewest networks that are this set, as texts: `10.0.0.0/8`, `192.0.2.1/32`."""
        return [f"{to_text(version, address)}/{length}" for version, address, length in self.prefixes()]

    def elements(self, version: int) -> list[str]:
        """Return one text for each interval, as nft prints it in an interval set: address, network or range."""
        return [_element(version, start, end) for start, end in self.family(version)]


NOTHING = AddressSet()
EVERYTHING = AddressSet(((0, 2**32 - 1),), ((0, 2**128 - 1),))


def union(sets: Iterable[AddressSet]) -> AddressSet:
    """Return the union of many sets, in one pass over each family."""
    v4: list[intervals.Interval] = []
    v6: list[intervals.Interval] = []
    for addresses in sets:
        v4.extend(addresses.v4)
        v6.extend(addresses.v6)
    return AddressSet(intervals.normalise(v4), intervals.normalise(v6))


def constant(*networks: str) -> AddressSet:
    """Return the set of networks that the code itself names: modules are imported without netaddr, too."""
    read = map(ipaddress.ip_network, networks)
    return union(interval(network.version, int(network[0]), int(network[-1])) for network in read)


def to_text(version: int, value: int) -> str:
    """Return an address as the C library, and therefore nft, writes it (`::ffff:192.0.2.1`, not `::ffff:c000:201`)."""
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


@lru_cache(maxsize=1 << 16)
def parse_address(text: str) -> tuple[int, int]:
    """Return (IP version, integer) of one address. Raise AddressError, and MissingLibrary without netaddr."""
    if netaddr is None:
        raise MissingLibrary("netaddr", "addresses")
    if "%" in text:
        raise AddressError(f'"{text}" names an interface', f"write {text.partition('%')[0]} without it")
    try:
        address = netaddr.IPAddress(text, 6 if ":" in text else 4, flags=netaddr.INET_PTON)
    except (netaddr.AddrFormatError, ValueError) as error:
        raise AddressError(f'"{text}" is not an IP address') from error
    if address.is_ipv4_mapped():
        raise AddressError(
            f'"{text}" is an IPv4 address mapped to IPv6, which no packet carries', f"write {address.ipv4()}"
        )
    return address.version, int(address)


def parse(text: str) -> AddressSet:
    """Return the set of an address, a network (`10.0.0.0/8`) or a range (`10.0.0.1-10.0.0.9`). Raise AddressError."""
    if "/" in text:
        return _parse_network(text)
    if "-" in text:
        return _parse_range(text)
    version, value = parse_address(text)
    return single(version, value)


def _parse_network(text: str) -> AddressSet:
    address, _slash, length_text = text.partition("/")
    version, value = parse_address(address)
    bits = BITS[version]
    if not _PREFIX_LENGTH.fullmatch(length_text) or int(length_text) > bits:
        raise AddressError(f'"{text}" does not end with a prefix length from 0 to {bits}')
    network = netaddr.IPNetwork((value, int(length_text)), version=version)
    if network.first != value:
        written = f"{to_text(version, network.first)}/{network.prefixlen}"
        raise AddressError(f'"{text}" has host bits set', f"write {written} for the network, {address} for the address")
    return interval(version, network.first, network.last)


def _parse_range(text: str) -> AddressSet:
    left, _dash, right = (part.strip() for part in text.partition("-"))
    version, start = parse_address(left)
    end_version, end = parse_address(right)
    if version != end_version:
        raise AddressError(f'"{text}" mixes IPv4 and IPv6', "begin and end the range with the same IP version")
    if end < start:
        raise AddressError(f'"{text}" ends before it begins', f"write {right}-{left}")
    return interval(version, start, end)


def single(version: int, value: int) -> AddressSet:
    """Return the set of one address."""
    return interval(version, value, value)


def interval(version: int, start: int, end: int) -> AddressSet:
    """Return the addresses from one integer to another, both included."""
    return AddressSet(v4=((start, end),)) if version == 4 else AddressSet(v6=((start, end),))


def _element(version: int, start: int, end: int) -> str:
    if start == end:
        return to_text(version, start)
    count = end - start + 1
    if count & (count - 1) == 0 and start % count == 0:
        return f"{to_text(version, start)}/{BITS[version] - count.bit_length() + 1}"
    return f"{to_text(version, start)}-{to_text(version, end)}"
