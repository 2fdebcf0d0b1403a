# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as sets of (protocol, port), and the texts and names they are written with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import TextError

from . import datafiles, intervals

PORTS = 65536
ICMP, ICMPV6, PORT_PROTOCOLS = protocols.ICMP, protocols.ICMPV6, protocols.WITH_PORTS
_NAMES = {number: name for name, number in PORT_PROTOCOLS.items()}
_PORTS = re.compile(r"(?P<protocol>[a-z][a-z0-9-]*)/(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?")
_NUMBER = re.compile(r"proto/(?P<number>[0-9]+)")
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")


class ServiceError(TextError):
    """A text that is not a service."""

    reason = "bad_service"


@dataclass(frozen=True)
class ServiceSet:
    """(protocol, port) pairs on one line: protocol * 65536 + port. A protocol without ports takes its whole stretch.

    The place of ICMP and ICMPv6 on their stretches is the message type, which tells one type from another.
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
        """Tell whether every service of this set is in the other."""
        return not self - other

    def contains(self, protocol: int, port: int) -> bool:
        """Tell whether a protocol number with a port (0 where there is none) is in the set."""
        return intervals.contains(self.line, protocol * PORTS + port)

    def by_protocol(self) -> Iterator[tuple[int, intervals.Intervals]]:
        """Yield (protocol, port intervals), in order of the protocol's number."""
        for start, end in self.line:
            for protocol in range(start // PORTS, end // PORTS + 1):
                first, last = max(start, protocol * PORTS), min(end, protocol * PORTS + PORTS - 1)
                yield protocol, ((first % PORTS, last % PORTS),)

    def protocols(self) -> dict[int, intervals.Intervals]:
        """Return protocol number -> its port intervals, in order; 0-65535 is all of a protocol."""
        ports_of: dict[int, intervals.Intervals] = {}
        for protocol, ports in self.by_protocol():
            ports_of[protocol] = ports_of.get(protocol, ()) + ports
        return ports_of

    def first(self) -> str:
        """Return the lowest service as a policy writes it: `tcp/22`. The set must not be empty."""
        return to_text(*divmod(self.line[0][0], PORTS))


WHOLE: intervals.Intervals = ((0, PORTS - 1),)
NONE = ServiceSet()
ANY = ServiceSet(((0, 256 * PORTS - 1),))


def of_protocol(number: int, first: int = 0, last: int = PORTS - 1) -> ServiceSet:
    """Return a protocol, or a part of its ports."""
    return ServiceSet(((number * PORTS + first, number * PORTS + last),))


ICMP_BOTH = of_protocol(ICMP) | of_protocol(ICMPV6)
_DNS_PORTS = (53, 853)
# What `internal` never includes: DNS goes to the named servers only, or a tunnel through a resolver is open to all.
DNS = ServiceSet(
    intervals.normalise(
        (PORT_PROTOCOLS[protocol] * PORTS + port,) * 2 for protocol in ("tcp", "udp") for port in _DNS_PORTS
    )
)


def to_text(protocol: int, port: int | None) -> str:
    """Return a service as a policy writes it: `tcp/22`, `icmp`, `proto/112`; `parse_literal` reads each of them.

    port: None for all of a protocol; of a protocol without ports it does not count.
    """
    if protocol in (ICMP, ICMPV6):
        return "icmp"
    if protocol in _NAMES and port is not None:
        return f"{_NAMES[protocol]}/{port}"
    return f"proto/{protocol}"


def parse_literal(text: str) -> ServiceSet | None:
    """Return the set of `tcp/8443`, `udp/1-9`, `proto/112`, `icmp`, `any`; None for a name. Raise ServiceError."""
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
        raise ServiceError(f'"{text}" is not a service', "write PROTOCOL/PORT, such as tcp/8443 or udp/4500-4510")
    return _parse_ports(text, ports["protocol"], int(ports["first"]), ports["last"])


def _parse_number(text: str, number: int) -> ServiceSet:
    if number > 255:
        raise ServiceError(f'"{text}" is not a service: protocol numbers end at 255')
    return of_protocol(number)


def _parse_ports(text: str, protocol: str, first: int, last_text: str | None) -> ServiceSet:
    number = PORT_PROTOCOLS.get(protocol)
    if number is None:
        raise ServiceError(f'"{text}" is not a service: {protocol} has no ports here', _without_ports(protocol))
    last = first if last_text is None else int(last_text)
    if max(first, last) >= PORTS:
        raise ServiceError(f'"{text}" is not a service: ports end at 65535')
    if min(first, last) == 0:
        raise ServiceError(f'"{text}" is not a service: ports begin at 1')
    if last < first:
        raise ServiceError(f'"{text}" ends before it begins', f"write {protocol}/{last}-{first}")
    return of_protocol(number, first, last)


def _without_ports(protocol: str) -> str:
    """Return what to write for a protocol that has no ports here."""
    number = protocols.NUMBERS.get(protocol)
    if number in (ICMP, ICMPV6):
        return "write icmp, which is all of ICMP and ICMPv6"
    if number is not None:
        return f"write proto/{number}, which is all of {protocol}"
    *names, last = PORT_PROTOCOLS
    return f"write ports of {', '.join(names)} or {last}, and any other protocol as proto/NUMBER"


def expand(definitions: Mapping[str, Sequence[str]], name: str, above: tuple[str, ...] = ()) -> ServiceSet:
    """Return the set of a name or a bundle of names. Raise ServiceError for a circle, KeyError for an unknown name."""
    if name in above:
        circle = " -> ".join((*above, name))
        raise ServiceError(f'"{name}" is defined by itself: {circle}', "break the circle in egress_services")
    if name not in definitions:
        raise KeyError(name)
    services = NONE
    for text in definitions[name]:
        literal = parse_literal(text)
        services |= expand(definitions, text, (*above, name)) if literal is None else literal
    return services


@cache
def catalogue() -> Mapping[str, tuple[str, ...]]:
    """Return name -> texts of the shipped services."""
    return {name: tuple(row["is"]) for name, row in datafiles.load("services").items()}


@cache
def of_class(name: str) -> ServiceSet:
    """Return every service of a class of the catalogue, such as `management`."""
    services = NONE
    for service, row in datafiles.load("services").items():
        if row["class"] == name:
            services |= expand(catalogue(), service)
    return services
