# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows that fit a match of an nft rule, as one or several alternatives."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import NUMBERS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import (
    FAMILIES,
    address_set,
    number_range,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    BitUnion,
    ConcatenatedValue,
    Concatenation,
    ConnTrack,
    Expression,
    Masked,
    Match,
    Meta,
    NotModelled,
    Payload,
    Range,
    SetReference,
    Table,
    Value,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import conditions
from .conditions import PORTED
from .model import FlowSet

_NFPROTO = {"ipv4": "ip", "ipv6": "ip6", "ip": "ip", "ip6": "ip6"}
Values = Sequence[Value]


def flows_of_match(table: Table, match: Match) -> list[FlowSet]:
    """Return the alternatives of one match, none when no new flow that leaves the host fits. Raises NotModelled."""
    if match.operator not in ("==", "!=", "in"):
        raise NotModelled(f"{match.left} {match.operator} {match.right}")
    alternatives = _alternatives(match.left, table.elements(match.right), negated=match.operator == "!=")
    if isinstance(match.right, SetReference) and table.sets[match.right.name].changing:
        # A rejection is about what the set holds now; nothing should be allowed that may be gone in a minute.
        return [flows.doubt(f"set {match.right.name}, whose elements come and go") for flows in alternatives]
    return alternatives


def flows_of_key(key: Expression, value: Value) -> list[FlowSet]:
    """Return the alternatives for one key of a map. Raises NotModelled."""
    return _alternatives(key, (value,), negated=False)


def _alternatives(left: Expression, values: Values, *, negated: bool) -> list[FlowSet]:
    if isinstance(left, Concatenation):
        if negated:
            raise NotModelled("a negated concatenation")
        return [flows for value in values if (flows := _concatenated(left, value))]
    flows = _flows(left, values, negated=negated)
    return [] if flows is None else [flows]


def _concatenated(left: Concatenation, value: Value) -> FlowSet | None:
    if not isinstance(value, ConcatenatedValue) or len(value.parts) != len(left.parts):
        raise NotModelled(f"{left} {value}")
    flows: FlowSet | None = FlowSet()
    for part, part_value in zip(left.parts, value.parts, strict=True):
        limited = _flows(part, (part_value,), negated=False)
        flows = None if flows is None or limited is None else flows & limited
    return flows


def _flows(left: Expression, values: Values, *, negated: bool) -> FlowSet | None:
    match left:
        case Meta(key="l4proto"):
            return _protocols(values, negated=negated)
        case Meta(key="nfproto" | "protocol") if all(str(value) in _NFPROTO for value in values):
            families = addresses.union(FAMILIES[_NFPROTO[str(value)]] for value in values)
            return FlowSet(addresses.EVERYTHING - families if negated else families)
        case Meta(key="skuid") if not negated and all(isinstance(value, int | str) for value in values):
            return FlowSet(users=frozenset(str(value) for value in values))
        case Meta(key="oifname" | "oif") if tuple(values) == ("lo",):
            return FlowSet() if negated else None
        case ConnTrack(key="state", direction=""):
            return conditions.new_flows(_words(values), negated=negated)
        # `tcp flags & (fin | syn | …) == syn` is the first packet of a connection, != syn any other.
        case Masked(expression=Payload(protocol="tcp", field="flags")) if _words(values) == {"syn"}:
            return None if negated else FlowSet()
        case Payload():
            return _payload(left, values, negated=negated)
    raise NotModelled(_written(left, values, negated=negated))


def _payload(header: Payload, values: Values, *, negated: bool) -> FlowSet:
    match (header.protocol, header.field):
        case ("ip" | "ip6", "daddr"):
            family, destinations = FAMILIES[header.protocol], address_set(values)
            return FlowSet(family - destinations if negated else destinations & family)
        case ("ip", "protocol") | ("ip6", "nexthdr"):
            return FlowSet(FAMILIES[header.protocol]) & _protocols(values, negated=negated)
        case (protocol, "dport") if protocol in (*PORTED, "th"):
            protocols = PORTED if protocol == "th" else (protocol,)
            return FlowSet(services=_ports(protocols, values, negated=negated))
        case ("icmp" | "icmpv6", "type"):
            return _icmp(NUMBERS[header.protocol], values, negated=negated)
    raise NotModelled(_written(header, values, negated=negated))


def _ports(protocols: tuple[str, ...], values: Values, *, negated: bool) -> ServiceSet:
    ports = services.NONE
    for value in values:
        ports |= conditions.of_ports(protocols, *number_range(value))
    return conditions.of_ports(protocols, *services.WHOLE[0]) - ports if negated else ports


def _protocols(values: Values, *, negated: bool) -> FlowSet:
    protocols = services.NONE
    for value in values:
        ends = (value.first, value.last) if isinstance(value, Range) else (value, value)
        first, last = (conditions.protocol_number(end) for end in ends)
        for number in range(first, last + 1):
            protocols |= services.of_protocol(number)
    return FlowSet(services=services.ANY - protocols if negated else protocols)


def _icmp(number: int, values: Values, *, negated: bool) -> FlowSet:
    types = services.NONE
    for value in values:
        types |= conditions.of_icmp_type(number, value)
    return FlowSet(services=services.of_protocol(number) - types if negated else types)


def _words(values: Values) -> frozenset[str]:
    """Return states or flags by their names, those of `established,related` each by itself."""
    bits = [bit for value in values for bit in (value.bits if isinstance(value, BitUnion) else (value,))]
    return frozenset(str(bit) for bit in bits)


def _written(left: Expression, values: Values, *, negated: bool) -> str:
    shown = ", ".join(str(value) for value in values[:4]) + (", …" if len(values) > 4 else "")
    return f"{left} {'!= ' if negated else ''}{shown}"
