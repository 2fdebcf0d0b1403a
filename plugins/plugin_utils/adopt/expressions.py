# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of nft's JSON: what a match is about, as one or several alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import words
from .model import FAMILIES, Match
from .words import PORTED, Unsaid

Json = Mapping[str, Any]
_NFPROTO = {"ipv4": "ip", "ipv6": "ip6", "ip": "ip", "ip6": "ip6"}
_COMES_AND_GOES = ("timeout", "dynamic")


@dataclass(frozen=True)
class Sets:
    """Elements of named sets, pairs of named maps; changing: sets whose elements come and go by themselves."""

    elements: dict[str, list[Any]] = field(default_factory=dict)
    maps: dict[str, list[Any]] = field(default_factory=dict)
    changing: frozenset[str] = frozenset()


def sets(objects: Sequence[Json]) -> Sets:
    """Return the sets and maps among the objects of a table."""
    named = {item["set"]["name"]: item["set"] for item in objects if "set" in item}
    changing = {name for name, one in named.items() if any(flag in one.get("flags", []) for flag in _COMES_AND_GOES)}
    return Sets(
        {name: list(one.get("elem", [])) for name, one in named.items()},
        {item["map"]["name"]: list(item["map"].get("elem", [])) for item in objects if "map" in item},
        frozenset(changing),
    )


def matches(match: Json, known: Sets) -> list[Match]:
    """Return the alternatives of one match, none when no new flow that leaves fits it. Raise Unsaid."""
    left, right, negated = match["left"], match["right"], match["op"] == "!="
    if match["op"] not in ("==", "!=", "in"):
        raise Unsaid(f"{_name(left)} {match['op']} {right}")
    found = _alternatives(left, _values(right, known), negated=negated)
    if isinstance(right, str) and right.startswith("@") and right[1:] in known.changing:
        # What it holds now is what a refusal is about; nobody should be let out by what may be gone in a minute.
        return [one.doubt(f"set {right[1:]}, whose elements come and go") for one in found]
    return found


def _alternatives(left: Any, values: list[Any], *, negated: bool) -> list[Match]:
    if isinstance(left, Mapping) and "concat" in left:
        if negated:
            raise Unsaid("a negated concatenation")
        return [one for one in (_concatenated(left["concat"], value) for value in values) if one]
    found = _one(left, values, negated=negated)
    return [] if found is None else [found]


def _concatenated(parts: Sequence[Any], value: Any) -> Match | None:
    if not isinstance(value, Mapping) or "concat" not in value:
        raise Unsaid("a concatenation")
    found: Match | None = Match()
    for part, inner in zip(parts, value["concat"], strict=True):
        limited = _one(part, _values(inner, Sets()), negated=False)
        found = None if found is None or limited is None else found & limited
    return found


def _one(left: Any, values: list[Any], *, negated: bool) -> Match | None:
    kind, what = next(iter(left.items())) if isinstance(left, Mapping) else (str(left), {})
    if kind == "meta":
        return _meta(what["key"], values, negated=negated)
    if kind == "payload" and "protocol" in what:
        return _payload(what["protocol"], what["field"], values, negated=negated)
    if kind == "ct" and what.get("key") == "state":
        return words.state(frozenset(str(value) for value in values), negated=negated)
    if kind == "&" and isinstance(what[0], Mapping) and what[0].get("payload", {}).get("field") == "flags":
        return _flags(values, negated=negated)
    raise Unsaid(_name(left))


def _meta(key: str, values: list[Any], *, negated: bool) -> Match | None:
    if key == "l4proto":
        return _spoken(values, negated=negated)
    if key in ("nfproto", "protocol") and all(str(value) in _NFPROTO for value in values):
        found = addresses.union(FAMILIES[_NFPROTO[str(value)]] for value in values)
        return Match(addresses.EVERYTHING - found if negated else found)
    if key == "skuid" and not negated and not any(isinstance(value, Mapping) for value in values):
        return Match(users=frozenset(str(value) for value in values))
    if key in ("oifname", "oif") and values == ["lo"]:
        return Match() if negated else None
    raise Unsaid(f"meta {key} {_shown(values)}")


def _payload(protocol: str, name: str, values: list[Any], *, negated: bool) -> Match:
    if protocol in ("ip", "ip6") and name == "daddr":
        found = addresses.union(_address(value) for value in values)
        return Match(FAMILIES[protocol] - found if negated else found & FAMILIES[protocol])
    if (protocol, name) in (("ip", "protocol"), ("ip6", "nexthdr")):
        return Match(FAMILIES[protocol]) & _spoken(values, negated=negated)
    named = PORTED if protocol == "th" else (protocol,)
    if name == "dport" and set(named) <= set(PORTED):
        found_ports = services.NONE
        for value in values:
            found_ports |= words.ports(named, *_range(value))
        return Match(services=words.ports(named, 0, 65535) - found_ports if negated else found_ports)
    if protocol in ("icmp", "icmpv6") and name == "type":
        return _icmp(words.PROTOCOLS[protocol], values, negated=negated)
    raise Unsaid(f"{protocol} {name} {_shown(values)}")


def _spoken(values: list[Any], *, negated: bool) -> Match:
    found = services.NONE
    for value in values:
        first, last = (words.protocol(one) for one in (value["range"] if _is_range(value) else (value, value)))
        for number in range(first, last + 1):
            found |= services.of_protocol(number)
    return Match(services=services.ANY - found if negated else found)


def _icmp(number: int, values: list[Any], *, negated: bool) -> Match:
    found: ServiceSet = services.NONE
    for value in values:
        if isinstance(value, Mapping):
            raise Unsaid(f"ICMP types {_shown([value])}")
        found |= words.icmp(number, value)
    return Match(services=services.of_protocol(number) - found if negated else found)


def _flags(values: list[Any], *, negated: bool) -> Match | None:
    """`tcp flags & (fin | syn | …) == syn` is the first packet of a connection, != syn any other."""
    if values != ["syn"]:
        raise Unsaid(f"tcp flags {_shown(values)}")
    return None if negated else Match()


def _values(right: Any, known: Sets) -> list[Any]:
    """Return the elements of a set, named by @, written out or single, without what surrounds them."""
    if isinstance(right, str) and right.startswith("@"):
        if right[1:] not in known.elements:
            raise Unsaid(f"set {right[1:]}")
        right = known.elements[right[1:]]
    if isinstance(right, Mapping) and "set" in right:
        right = right["set"]
    found = right if isinstance(right, list) else [right]
    return [one["elem"]["val"] if isinstance(one, Mapping) and "elem" in one else one for one in found]


def _address(value: Any) -> AddressSet:
    if isinstance(value, Mapping) and "prefix" in value:
        return words.where_to(f"{value['prefix']['addr']}/{value['prefix']['len']}")
    if _is_range(value):
        return words.where_to("-".join(str(one) for one in value["range"]))
    if isinstance(value, Mapping):
        raise Unsaid(f"destination {_shown([value])}")
    return words.where_to(str(value))


def _range(value: Any) -> tuple[int, int]:
    first, last = value["range"] if _is_range(value) else (value, value)
    if not (isinstance(first, int) and isinstance(last, int)):
        raise Unsaid(f"port {_shown([value])}")
    return first, last


def _is_range(value: Any) -> bool:
    return isinstance(value, Mapping) and "range" in value


def _name(left: Any) -> str:
    kind, what = next(iter(left.items())) if isinstance(left, Mapping) else (str(left), {})
    inner = [str(one) for one in what.values()] if isinstance(what, Mapping) else []
    return " ".join([kind, *inner])


def _shown(values: list[Any]) -> str:
    return ", ".join(str(value) for value in values[:4]) + (", …" if len(values) > 4 else "")
