# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a match of a rule is about, for the first packet of a flow: the addresses and services that it takes.

Two answers: what it surely takes, and what it may take. Where they differ, nobody knows here, and nobody guesses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORTS, ServiceSet

from .listing import Table, plain_element

V4, V6 = AddressSet(v4=EVERYTHING.v4), AddressSet(v6=EVERYTHING.v6)
FAMILIES = {"ip": V4, "ip6": V6, "inet": EVERYTHING}
PORTED = tuple(services.PORT_PROTOCOLS.values())
NEW, SYN = 8, 2
"""Of conntrack's states and TCP's flags, as nft prints them with -nn."""
_NFPROTO = {2: V4, 10: V6, "ipv4": V4, "ipv6": V6}
_ANY_PORT = ((0, PORTS - 1),)


class Unreadable(Exception):
    """A match or a value that cannot be modelled; the message names it."""


@dataclass(frozen=True)
class Situation:
    """What is the same for all flows that are looked at together.

    uid: of the socket's owner, None for a packet without one. now: seconds since 1970. interface: where it leaves, "lo"
    or "" for any other. incoming: where it came in, of a packet that is forwarded; then both are names, each the
    example of its class.
    """

    uid: int | None
    source_port: int
    now: float
    interface: str = ""
    incoming: str = ""


@dataclass(frozen=True)
class Taken:
    """Addresses and services, every combination. sure False: perhaps, and perhaps not."""

    addresses: AddressSet = EVERYTHING
    services: ServiceSet = services.ANY
    sure: bool = True

    def __and__(self, other: Taken) -> Taken:
        return Taken(self.addresses & other.addresses, self.services & other.services, self.sure and other.sure)

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services)


ALL, NONE = Taken(), Taken(addresses=addresses.NOTHING)
PERHAPS = Taken(sure=False)


def taken(table: Table, situation: Situation, match: Mapping[str, Any]) -> list[Taken]:
    """What a match statement takes, all of them together. Raises Unreadable."""
    left, right, operator = match["left"], match["right"], str(match["op"])
    if not (isinstance(left, Mapping) and "concat" in left):
        return [of_key(table, situation, left, right, operator)]
    if operator == "!=":
        raise Unreadable("a concatenation that is not in a set")
    return [of_keys(table, situation, left, plain_element(one)) for one in elements(table, right)]


def of_keys(table: Table, situation: Situation, left: Mapping[str, Any], right: Any) -> Taken:
    """What takes a value for a key or a concatenation of keys. Raises Unreadable."""
    if "concat" not in left:
        return of_key(table, situation, left, right)
    if not isinstance(right, Mapping) or len(right.get("concat", ())) != len(left["concat"]):
        raise Unreadable(f"the value {right}")
    found = ALL
    for key, value in zip(left["concat"], right["concat"], strict=True):
        found &= of_key(table, situation, key, value)
    return found


def of_key(table: Table, situation: Situation, left: Any, right: Any, operator: str = "==") -> Taken:
    """What takes a value for a key, such as `{"payload": …}`. Raises Unreadable."""
    negated = operator == "!="
    if operator not in ("==", "!=", "in") and "time" not in str(left):
        raise Unreadable(f"the operator {operator}")
    kind: str = next(iter(left), "") if isinstance(left, Mapping) else ""
    about: Any = left[kind] if kind else None
    if kind == "payload" and "protocol" in about:
        return _payload(table, situation, about, right, negated)
    if kind == "meta":
        return _meta(table, situation, about["key"], right, operator)
    if kind == "ct" and about.get("key") == "state" and operator != "==":
        return _constant(bool(_mask(right) & NEW) != negated)
    if kind == "ct" and about.get("key") == "state":
        return _constant(_contains(table, right, NEW))
    if kind == "&" and about[0] == {"payload": {"protocol": "tcp", "field": "flags"}}:
        return _flags(_mask(about[1]), right, negated)
    raise Unreadable(str(kind or left))


def _constant(holds: bool) -> Taken:
    return ALL if holds else NONE


def _flags(mask: int, right: Any, negated: bool) -> Taken:
    """TCP's flags of the first packet of a connection: SYN and nothing else."""
    if not isinstance(right, int):
        raise Unreadable("tcp flags")
    holds = (SYN & mask == right) != negated
    return Taken(services=services.of_protocol(services.PORT_PROTOCOLS["tcp"])) if holds else NONE


def _payload(table: Table, situation: Situation, about: Mapping[str, Any], right: Any, negated: bool) -> Taken:
    protocol, name = about["protocol"], about["field"]
    if protocol in ("ip", "ip6") and name == "daddr":
        family = FAMILIES[protocol]
        found = address_set(table, right)
        return Taken(family - found if negated else family & found)
    if protocol in ("ip", "ip6") and name in ("protocol", "nexthdr"):
        return Taken(FAMILIES[protocol], _protocols(_numbers(table, right), negated))
    if name in ("dport", "sport"):
        numbers = _numbers(table, right)
        wanted = intervals.subtract(_ANY_PORT, numbers) if negated else numbers
        if name == "sport":
            wanted = _ANY_PORT if intervals.contains(wanted, situation.source_port) else ()
        return _ported(protocol, wanted)
    if (protocol, name) in (("icmp", "type"), ("icmpv6", "type")):
        number = services.ICMP if protocol == "icmp" else services.ICMPV6
        numbers = _numbers(table, right)
        wanted = intervals.subtract(_ANY_PORT, numbers) if negated else numbers
        return Taken(services=ServiceSet(_on_line(number, wanted)))
    raise Unreadable(f"{protocol} {name}")


def _ported(protocol: str, ports: Intervals) -> Taken:
    if protocol in services.PORT_PROTOCOLS:
        return Taken(services=ServiceSet(_on_line(services.PORT_PROTOCOLS[protocol], ports)))
    if protocol != "th":
        raise Unreadable(f"ports of {protocol}")
    line = tuple(piece for number in sorted(PORTED) for piece in _on_line(number, ports))
    return Taken(services=ServiceSet(line))


def _on_line(protocol: int, ports: Intervals) -> Intervals:
    return tuple((protocol * PORTS + first, protocol * PORTS + last) for first, last in ports)


def _meta(table: Table, situation: Situation, key: str, right: Any, operator: str) -> Taken:
    negated = operator == "!="
    if key == "l4proto":
        return Taken(services=_protocols(_numbers(table, right), negated))
    if key in ("nfproto", "protocol"):
        family = _NFPROTO.get(right) if key == "nfproto" and isinstance(right, int | str) else None
        if family is None:
            raise Unreadable(f"meta {key}")
        return Taken(EVERYTHING - family if negated else family)
    if key == "skuid":
        if situation.uid is None:
            # A match on the owner of what has none ends the rule, whichever way it is asked (nft_meta.c: NFT_BREAK).
            return NONE
        return _constant(intervals.contains(_numbers(table, right), situation.uid) != negated)
    if key in ("oifname", "oif", "iifname", "iif"):
        return _interface(table, situation, key, right, negated)
    if key == "time" and isinstance(right, str):
        moment = dt.datetime.fromisoformat(right).replace(tzinfo=dt.UTC).timestamp()
        holds = {"<": situation.now < moment, ">=": situation.now >= moment}.get(operator)
        if holds is not None:
            return _constant(holds)
    raise Unreadable(f"meta {key}")


def _interface(table: Table, situation: Situation, key: str, right: Any, negated: bool) -> Taken:
    outgoing = key in ("oifname", "oif")
    if right in (0, "0") and (outgoing or situation.incoming):
        return _constant(negated)  # what goes out, or through, has an interface
    names = [plain_element(one) for one in elements(table, right)]
    # A star that is escaped is part of the name.
    strange = [name for name in names if not isinstance(name, str) or not name.rstrip("*") or "\\" in name]
    if strange:
        raise Unreadable(f"the interface {strange[0]}")
    here = situation.interface if outgoing else situation.incoming
    if here:
        return _constant(any(is_named(here, name) for name in names) != negated)
    unknown = [name for name in names if name != "lo"]
    if unknown or not outgoing:
        raise Unreadable(f"the interface {(unknown or names)[0]}")
    return _constant(negated)


def is_named(name: str, pattern: str) -> bool:
    """Is an interface's name this one, or does it begin as the pattern before its star?"""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _protocols(numbers: Intervals, negated: bool) -> ServiceSet:
    line = tuple((first * PORTS, last * PORTS + PORTS - 1) for first, last in numbers)
    found = ServiceSet(intervals.normalise(line))
    return services.ANY - found if negated else found


def _contains(table: Table, right: Any, number: int) -> bool:
    return intervals.contains(_numbers(table, right), number)


def _mask(right: Any) -> int:
    """A bit mask: a number, a list of them, or as 0.9.8 and 1.1.3 write it, numbers joined by |."""
    if isinstance(right, int):
        return right
    parts = right.get("|") if isinstance(right, Mapping) else right
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        raise Unreadable("a mask of bits")
    found = 0
    for one in parts:
        found |= _mask(one)
    return found


def elements(table: Table, right: Any) -> Sequence[Any]:
    """The elements of a value, of an anonymous set or of a named one. Raises Unreadable."""
    if isinstance(right, str) and right.startswith("@"):
        if right[1:] not in table.sets:
            raise Unreadable(f"the set {right}")
        return table.sets[right[1:]]
    if isinstance(right, Mapping) and "set" in right:
        inner = right["set"]
        return inner if isinstance(inner, list) else [inner]
    return [right]


def _numbers(table: Table, right: Any) -> Intervals:
    return intervals.normalise(number_range(plain_element(one)) for one in elements(table, right))


def number_range(element: Any) -> tuple[int, int]:
    """A number or a range of numbers. Raises Unreadable."""
    ends = element["range"] if isinstance(element, Mapping) and "range" in element else [element, element]
    if not all(isinstance(end, int) for end in ends):
        raise Unreadable(f"the value {element}")
    return int(ends[0]), int(ends[1])


def address_set(table: Table, right: Any) -> AddressSet:
    """Addresses, networks and ranges, as nft lists them. Raises Unreadable."""
    return addresses.union(_address(plain_element(one)) for one in elements(table, right))


def _address(element: Any) -> AddressSet:
    try:
        if isinstance(element, Mapping) and "prefix" in element:
            return addresses.parse(f"{element['prefix']['addr']}/{element['prefix']['len']}")
        if isinstance(element, Mapping) and "range" in element:
            return addresses.parse("-".join(element["range"]))
        return addresses.parse(element)
    except (addresses.AddressError, TypeError, KeyError) as error:
        raise Unreadable(f"the address {element}") from error
