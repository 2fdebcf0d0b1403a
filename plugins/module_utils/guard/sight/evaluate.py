# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate the expressions of a table, in nft's JSON, for the first packet of a connection; no packet is sent.

It knows the expressions that our compiler writes, and a few more. A rule with another one is reported, not guessed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence, Union

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Json = Mapping[str, Any]

_EPHEMERAL = 40000
"""A source port as a client gets it; no rule names it."""


_ICMPV6_TYPES = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}
"""Types of ICMPv6 by nft's names for them (payload expressions in nft(8))."""


class CannotJudge(Exception):
    """An expression that cannot be evaluated here."""


@dataclass(frozen=True)
class Packet:
    """A packet, by default the first one of a connection.

    uid: None for a packet of the kernel itself; now: seconds since 1970; local: over the loopback interface; source:
    None where it is not known; state, direction: of connection tracking; incoming: at the input hook instead of output;
    icmp_type: of a message of ICMPv6, which has no ports; units: every name by which a policy means the unit of its
    socket; unit_sets: the units of each set of cgroups.
    """

    address: Address
    protocol: str
    port: int
    uid: int | None
    now: float
    local: bool = False
    source: Address | None = None
    sport: int = _EPHEMERAL
    state: str = "new"
    direction: str = "original"
    flags: frozenset[str] = frozenset(["syn"])
    incoming: bool = False
    icmp_type: int | None = None
    units: frozenset[str] = frozenset()
    unit_sets: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """nft's word for the address family."""
        return f"ipv{self.address.version}"


@dataclass(frozen=True)
class _Interface:
    """An interface. name: "lo", "" where the packet has none, None for another one whose name is not known."""

    name: str | None

    def matches(self, element: Any) -> bool:
        """Return whether it is an element as nft lists it: a name, or the index 0 for none."""
        name = "" if str(element) == "0" else str(element)
        if self.name is None and name not in ("", "lo"):
            raise CannotJudge(f"interface {name}")
        return self.name == name


@dataclass(frozen=True)
class _Cgroup:
    """The cgroup of a socket. units: every name by which a policy means its unit."""

    units: frozenset[str]

    def matches(self, element: Any) -> bool:
        """Return whether it is in an element as nft lists it: the path of a cgroup, a number once that is gone."""
        return not self.units.isdisjoint(cgroups.names(cgroups.unit_of_folder(str(element).rpartition("/")[2])))


@dataclass
class JsonTable:
    """A listed table: chains with their rules in order, sets and maps by name."""

    chains: dict[str, list[Json]] = field(default_factory=dict)
    base: list[Json] = field(default_factory=list)
    sets: dict[str, Json] = field(default_factory=dict)


def read(objects: Sequence[Json]) -> JsonTable:
    """Return the table in the objects of `nft -j list table`."""
    table = JsonTable()
    for item in objects:
        for kind, what in item.items():
            if kind == "chain":
                table.chains.setdefault(what["name"], [])
                if "hook" in what:
                    table.base.append(what)
            elif kind == "rule":
                table.chains.setdefault(what["chain"], []).append(what)
            elif kind in ("set", "map"):
                table.sets[what["name"]] = what
    table.base.sort(key=lambda chain: int(chain.get("prio", 0)))
    return table


def matches(table: JsonTable, packet: Packet, match: Json) -> bool:
    """Return whether a match of a rule applies to the packet; raise CannotJudge for an unknown expression."""
    if is_of_units(match):
        # Any level: the rules of an entry are about all levels at which its units may be, and JSON has none.
        return bool(packet.units.intersection(packet.unit_sets.get(match["right"][1:], ())))
    value = _left(packet, match["left"])
    if value is None:
        return False
    equal = _right(table, packet, value, match)
    return not equal if match["op"] == "!=" else equal


def is_of_units(match: Json) -> bool:
    """Return whether a match looks up the cgroup of the socket in a set of units."""
    key = match["left"].get("socket", {}).get("key") if isinstance(match["left"], dict) else ""
    return key == "cgroupv2" and match["op"] in ("==", "in") and str(match["right"]).startswith("@")


def _left(packet: Packet, left: Any) -> Any:
    kind: str
    what: Any
    kind, what = next(iter(left.items())) if isinstance(left, dict) else ("", {})
    if kind == "concat":
        parts = tuple(_left(packet, part) for part in what)
        return None if None in parts else parts
    if kind == "meta":
        return _meta(packet, what["key"])
    if kind == "payload" and "protocol" in what:
        return _payload(packet, what["protocol"], what["field"])
    if kind == "fib" and what == {"result": "type", "flags": ["daddr"]} and packet.local:
        return "local"
    if kind == "socket" and what["key"] == "cgroupv2":
        return _Cgroup(packet.units)
    if kind == "ct" and what["key"] == "state":
        return frozenset([packet.state])
    if kind == "ct" and what["key"] == "direction":
        return packet.direction
    if kind == "&" and isinstance(what[0], dict) and what[0].get("payload", {}).get("field") == "flags":
        flags = _left(packet, what[0])
        return None if flags is None else flags & _flags(what[1])
    raise CannotJudge(kind or str(left))


def _meta(packet: Packet, name: str) -> Any:
    known = {
        "l4proto": packet.protocol,
        "nfproto": packet.family,
        "skuid": packet.uid,
        "time": packet.now,
    }
    if name in ("iif", "iifname", "oif", "oifname"):
        # A packet that comes in has not got to where it would leave, and the other way round.
        passed = name.startswith("i") == packet.incoming
        return _Interface(("lo" if packet.local else None) if passed else "")
    if name not in known:
        raise CannotJudge(f"meta {name}")
    return known[name]


def _payload(packet: Packet, protocol: str, name: str) -> Any:
    if protocol in ("ip", "ip6"):
        if protocol != ("ip" if packet.address.version == 4 else "ip6"):
            return None
        fields: dict[str, Any] = {"daddr": packet.address, "protocol": packet.protocol, "nexthdr": packet.protocol}
        if packet.source is not None:
            fields["saddr"] = packet.source
    elif protocol == packet.protocol or (protocol == "th" and packet.protocol in protocols.WITH_PORTS):
        fields = {"dport": packet.port, "sport": packet.sport, "flags": packet.flags}
        if packet.icmp_type is not None:
            fields = {"type": packet.icmp_type}
    else:
        return None
    if name not in fields:
        raise CannotJudge(f"{protocol} {name}")
    return fields[name]


def _right(table: JsonTable, packet: Packet, value: Any, match: Json) -> bool:
    right = match["right"]
    if match["op"] in ("<", ">", "<=", ">="):
        return _compare(match["op"], float(value), _time(right))
    if isinstance(value, frozenset):
        flags = frozenset([right] if isinstance(right, str) else right)
        return bool(value & flags) if match["op"] == "in" else value == flags
    if isinstance(right, str) and right.startswith("@"):
        return _contains(table, packet, value, right)
    return _is(packet, value, right)


def _contains(table: JsonTable, packet: Packet, value: Any, elements: Any) -> bool:
    """Return whether a value is among the elements of a set, which is named (@) or anonymous."""
    if isinstance(elements, str) and elements.startswith("@"):
        elements = table.sets.get(elements[1:], {}).get("elem", [])
    return any(_is(packet, value, element) for element in elements)


def _is(packet: Packet, value: Any, element: Any) -> bool:
    """Return whether a value matches an element: an address, number, word, range, network, or several of them."""
    if isinstance(element, dict):
        kind, what = next(iter(element.items()))
        if kind == "elem":
            return _is(packet, value, what["val"])
        if kind == "concat":
            return isinstance(value, tuple) and all(_is(packet, field, part) for field, part in zip(value, what))
        if kind == "set":
            return any(_is(packet, value, member) for member in what)
        if kind == "range":
            return bool(_literal(value, what[0]) <= value <= _literal(value, what[1]))
        if kind == "prefix":
            network = ipaddress.ip_network(f"{what['addr']}/{what['len']}")
            return isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)) and value in network
        raise CannotJudge(kind)
    if isinstance(value, (_Interface, _Cgroup)):
        return value.matches(element)
    if isinstance(value, str) and (value in protocols.NUMBERS or str(element) in protocols.NUMBERS):
        return _protocol(value) == _protocol(element)
    return bool(value == _literal(value, element))


def _literal(like: Any, text: Any) -> Any:
    """Return a literal as the type of the value that it is compared with."""
    if isinstance(like, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address(text)
    if isinstance(like, int) and not isinstance(text, int):
        if text not in _ICMPV6_TYPES:
            raise CannotJudge(str(text))
        return _ICMPV6_TYPES[text]
    return text


def _protocol(word: Any) -> int:
    number = protocols.number(str(word))
    if number is None:
        raise CannotJudge(f"protocol {word}")
    return number


def _flags(words: Any) -> frozenset[str]:
    """Return the flags in ["fin", "syn"] or, as older versions nest them, {"|": [{"|": ["fin", "syn"]}, "rst"]}."""
    if isinstance(words, str):
        return frozenset([words])
    several = words["|"] if isinstance(words, dict) else words
    return frozenset(flag for word in several for flag in _flags(word))


def _time(text: Any) -> float:
    if isinstance(text, (int, float)):
        return float(text)
    try:
        return dt.datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.timezone.utc).timestamp()
    except ValueError as error:
        raise CannotJudge(str(text)) from error


def _compare(sign: str, left: float, right: float) -> bool:
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign]
