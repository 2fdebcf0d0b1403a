# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table would do with the first packet of a connection: nft's JSON read rule by rule, no packet sent.

Knows what our compiler writes and a little more. A rule that it cannot judge is named instead of being guessed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Json = Mapping[str, Any]

PORTS = ("tcp", "udp", "sctp", "dccp")
"""Protocols whose header begins with two ports."""

_NUMBERS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132}
_EPHEMERAL = 40000
"""A source port such as a client gets; none of those that rules name."""


class CannotJudge(Exception):
    """An expression that this file does not know."""


@dataclass(frozen=True)
class Flow:
    """The first packet of a connection, unless said otherwise.

    uid: None for a packet of the kernel itself; now: seconds since 1970; local: over the loopback interface; source:
    None where it is not known; state, direction: what connection tracking says of it; incoming: to this host, at the
    input hook instead of output.
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

    @property
    def family(self) -> str:
        """nft's word for the address family."""
        return f"ipv{self.address.version}"


@dataclass(frozen=True)
class _Interface:
    """An interface. name: "lo", "" where the packet has none, None for another one, whose name nobody said."""

    name: str | None

    def is_listed(self, element: Any) -> bool:
        """Whether it is what nft lists: a name, or the index 0 that stands for none."""
        wanted = "" if str(element) == "0" else str(element)
        if self.name is None and wanted not in ("", "lo"):
            raise CannotJudge(f"interface {wanted}")
        return self.name == wanted


@dataclass
class Table:
    """A listed table: chains with their rules in order, sets and maps by name."""

    chains: dict[str, list[Json]] = field(default_factory=dict)
    base: list[Json] = field(default_factory=list)
    sets: dict[str, Json] = field(default_factory=dict)


def read(objects: Sequence[Json]) -> Table:
    """Return the objects of `nft -j list table` by their kinds."""
    table = Table()
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


def matches(table: Table, flow: Flow, match: Json) -> bool:
    """Whether one match of a rule fits the packet. Raise CannotJudge for an expression that is not known here."""
    found = _left(flow, match["left"])
    if found is None:
        return False
    equal = _right(table, flow, found, match)
    return not equal if match["op"] == "!=" else equal


def contains(table: Table, flow: Flow, found: Any, elements: Any) -> bool:
    """Whether a value is among the elements of a set, named by @ or written out."""
    if isinstance(elements, str) and elements.startswith("@"):
        elements = table.sets.get(elements[1:], {}).get("elem", [])
    return any(_is(flow, found, element) for element in elements)


def key(flow: Flow, expression: Json) -> Any:
    """Return what the packet has in the place of an expression, None when it has no such thing."""
    return _left(flow, expression)


def _left(flow: Flow, left: Any) -> Any:
    kind: str
    what: Any
    kind, what = next(iter(left.items())) if isinstance(left, dict) else ("", {})
    if kind == "concat":
        parts = tuple(_left(flow, part) for part in what)
        return None if None in parts else parts
    if kind == "meta":
        return _meta(flow, what["key"])
    if kind == "payload" and "protocol" in what:
        return _payload(flow, what["protocol"], what["field"])
    if kind == "ct" and what["key"] == "state":
        return frozenset([flow.state])
    if kind == "ct" and what["key"] == "direction":
        return flow.direction
    if kind == "&" and isinstance(what[0], dict) and what[0].get("payload", {}).get("field") == "flags":
        flags = _left(flow, what[0])
        return None if flags is None else flags & _flags(what[1])
    raise CannotJudge(kind or str(left))


def _meta(flow: Flow, name: str) -> Any:
    known = {
        "l4proto": flow.protocol,
        "nfproto": flow.family,
        "skuid": flow.uid,
        "time": flow.now,
    }
    if name in ("iif", "iifname", "oif", "oifname"):
        # A packet that comes in has not got to where it would leave, and the other way round.
        passed = name.startswith("i") == flow.incoming
        return _Interface(("lo" if flow.local else None) if passed else "")
    if name not in known:
        raise CannotJudge(f"meta {name}")
    return known[name]


def _payload(flow: Flow, protocol: str, name: str) -> Any:
    if protocol in ("ip", "ip6"):
        if protocol != ("ip" if flow.address.version == 4 else "ip6"):
            return None
        fields: dict[str, Any] = {"daddr": flow.address, "protocol": flow.protocol, "nexthdr": flow.protocol}
        if flow.source is not None:
            fields["saddr"] = flow.source
    elif protocol == flow.protocol or (protocol == "th" and flow.protocol in PORTS):
        fields = {"dport": flow.port, "sport": flow.sport, "flags": flow.flags}
    else:
        return None
    if name not in fields:
        raise CannotJudge(f"{protocol} {name}")
    return fields[name]


def _right(table: Table, flow: Flow, found: Any, match: Json) -> bool:
    right = match["right"]
    if match["op"] in ("<", ">", "<=", ">="):
        return _compare(match["op"], float(found), _time(right))
    if isinstance(found, frozenset):
        wanted = frozenset([right] if isinstance(right, str) else right)
        return bool(found & wanted) if match["op"] == "in" else found == wanted
    if isinstance(right, str) and right.startswith("@"):
        return contains(table, flow, found, right)
    return _is(flow, found, right)


def _is(flow: Flow, found: Any, element: Any) -> bool:
    """Whether a value is one element: an address, a number, a word, a range, a network, or several of them."""
    if isinstance(element, dict):
        kind, what = next(iter(element.items()))
        if kind == "elem":
            return _is(flow, found, what["val"])
        if kind == "concat":
            return isinstance(found, tuple) and all(_is(flow, one, part) for one, part in zip(found, what))
        if kind == "set":
            return any(_is(flow, found, one) for one in what)
        if kind == "range":
            return bool(_value(found, what[0]) <= found <= _value(found, what[1]))
        if kind == "prefix":
            network = ipaddress.ip_network(f"{what['addr']}/{what['len']}")
            return isinstance(found, (ipaddress.IPv4Address, ipaddress.IPv6Address)) and found in network
        raise CannotJudge(kind)
    if isinstance(found, _Interface):
        return found.is_listed(element)
    if isinstance(found, str) and (found in _NUMBERS or str(element) in _NUMBERS):
        return _protocol(found) == _protocol(element)
    return bool(found == _value(found, element))


def _value(like: Any, text: Any) -> Any:
    """Return a listed literal as the kind of thing that it is compared with."""
    if isinstance(like, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return ipaddress.ip_address(text)
    if isinstance(like, int) and not isinstance(text, int):
        raise CannotJudge(str(text))
    return text


def _protocol(word: Any) -> int:
    if str(word).isdigit():
        return int(word)
    if word in _NUMBERS:
        return _NUMBERS[word]
    try:
        return socket.getprotobyname(str(word))
    except OSError as error:
        raise CannotJudge(f"protocol {word}") from error


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
