# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as sets of (protocol, port), and the texts and names they are written with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

from . import datafiles, intervals

PORTS = 65536
# Protocols whose header begins with two ports (IANA protocol numbers).
PORT_PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
_PROTOCOL_NAMES = {number: name for name, number in PORT_PROTOCOLS.items()}
ICMP, ICMPV6 = 1, 58
_PORTS = re.compile(r"(?P<protocol>[a-z]+)/(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?")
_NUMBER = re.compile(r"proto/(?P<number>[0-9]+)")
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")


class ServiceError(ControllerError, ValueError):
    """A text that is no service; the message says why and what to write."""

    reason = "bad_service"


@dataclass(frozen=True)
class ServiceSet:
    """(protocol, port) pairs on one line: protocol * 65536 + port. A protocol without ports takes its whole stretch.

    ICMP's place on its stretch is the message type, so that a type can be told from another.
    """

    line: intervals.Intervals = intervals.EMPTY

    def __or__(self, other: ServiceSet) -> ServiceSet:
        return ServiceSet(intervals.union(self.line, other.line))

    def __and__(self, other: ServiceSet) -> ServiceSet:
        return ServiceSet(intervals.intersect(self.line, other.line))

    def __sub__(self, other: ServiceSet) -> ServiceSet:
        return ServiceSet(intervals.subtract(self.line, other.line))

    def __bool__(self) -> bool:
        return bool(self.line)

    def __le__(self, other: ServiceSet) -> bool:
        """Is every service of this set in the other?"""
        return not self - other

    def contains(self, protocol: int, port: int) -> bool:
        """Is this protocol number with this port (0 where there is none) in the set?"""
        return intervals.contains(self.line, protocol * PORTS + port)

    def by_protocol(self) -> Iterator[tuple[int, intervals.Intervals]]:
        """(protocol, its port intervals), in order of the protocol's number."""
        for start, end in self.line:
            for protocol in range(start // PORTS, end // PORTS + 1):
                first, last = max(start, protocol * PORTS), min(end, protocol * PORTS + PORTS - 1)
                yield protocol, ((first % PORTS, last % PORTS),)

    def protocols(self) -> dict[int, intervals.Intervals]:
        """Protocol number -> its port intervals, in order; 0-65535 is all of a protocol."""
        found: dict[int, intervals.Intervals] = {}
        for protocol, ports in self.by_protocol():
            found[protocol] = found.get(protocol, ()) + ports
        return found

    def first(self) -> str:
        """The lowest service as a person writes it: `tcp/22`. The set must not be empty."""
        protocol, port = divmod(self.line[0][0], PORTS)
        name = _PROTOCOL_NAMES.get(protocol)
        if name:
            return f"{name}/{port}"
        return "icmp" if protocol in (ICMP, ICMPV6) else f"proto/{protocol}"


WHOLE: intervals.Intervals = ((0, PORTS - 1),)
NONE = ServiceSet()
ANY = ServiceSet(((0, 256 * PORTS - 1),))


def of_protocol(number: int, first: int = 0, last: int = PORTS - 1) -> ServiceSet:
    """A protocol, or a part of its ports."""
    return ServiceSet(((number * PORTS + first, number * PORTS + last),))


ICMP_BOTH = of_protocol(ICMP) | of_protocol(ICMPV6)
_DNS_PORTS = (53, 853)
# What `internal` never includes: DNS goes to the named servers only, or a tunnel through a resolver is open to all.
DNS = ServiceSet(
    intervals.normalise(
        (PORT_PROTOCOLS[protocol] * PORTS + port,) * 2 for protocol in ("tcp", "udp") for port in _DNS_PORTS
    )
)


def parse_literal(text: str) -> ServiceSet | None:
    """`tcp/8443`, `udp/4500-4510`, `proto/112`, `icmp`, `any`; None for a name. Raises ServiceError."""
    if text == "any":
        return ANY
    if text == "icmp":
        return ICMP_BOTH
    if "/" not in text:
        return None
    number = _NUMBER.fullmatch(text)
    if number:
        return _parse_number(text, int(number["number"]))
    ports = _PORTS.fullmatch(text)
    if not ports:
        raise ServiceError(f'"{text}" is no service; write protocol/port such as tcp/8443 or udp/4500-4510')
    return _parse_ports(text, ports["protocol"], int(ports["first"]), ports["last"])


def _parse_number(text: str, number: int) -> ServiceSet:
    if number > 255:
        raise ServiceError(f'"{text}" is no protocol; numbers end at 255')
    return of_protocol(number)


def _parse_ports(text: str, protocol: str, first: int, last_text: str | None) -> ServiceSet:
    number = PORT_PROTOCOLS.get(protocol)
    if number is None:
        known = ", ".join(PORT_PROTOCOLS)
        raise ServiceError(f'"{text}": {protocol} has no ports here; those with ports are {known}, others proto/NUMBER')
    last = first if last_text is None else int(last_text)
    if max(first, last) >= PORTS:
        raise ServiceError(f'"{text}" has a port above 65535')
    if min(first, last) == 0:
        raise ServiceError(f'"{text}" has port 0; ports begin at 1')
    if last < first:
        raise ServiceError(f'"{text}" is reversed; write {protocol}/{last}-{first}')
    return of_protocol(number, first, last)


def expand(definitions: Mapping[str, Sequence[str]], name: str, above: tuple[str, ...] = ()) -> ServiceSet:
    """What a name stands for, bundles of names included. Raises ServiceError for unknown names and circles."""
    if name in above:
        raise ServiceError(f'"{name}" is defined by itself ({" -> ".join((*above, name))})')
    if name not in definitions:
        raise KeyError(name)
    found = NONE
    for text in definitions[name]:
        literal = parse_literal(text)
        found |= expand(definitions, text, (*above, name)) if literal is None else literal
    return found


@cache
def catalogue() -> Mapping[str, tuple[str, ...]]:
    """Name -> texts of the shipped services."""
    return {name: tuple(row["is"]) for name, row in datafiles.load("services").items()}


@cache
def of_class(name: str) -> ServiceSet:
    """Every service of a class of the catalogue, such as `management`."""
    found = NONE
    for service, row in datafiles.load("services").items():
        if row["class"] == name:
            found |= expand(catalogue(), service)
    return found
