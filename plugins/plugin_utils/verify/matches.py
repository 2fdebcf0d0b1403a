# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses and services that a match of a rule fits, for the first packet of a flow.

Each answer is certain, or says that it is not: then a flow in it may fit or may not, and nothing here guesses.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import CONNECTION_MARK
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import (
    FAMILIES,
    address_set,
    number_set,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    BitUnion,
    Cgroup,
    ConcatenatedValue,
    Concatenation,
    ConnTrack,
    Expression,
    Fib,
    Masked,
    Match,
    Meta,
    NotModelled,
    Payload,
    SetReference,
    Table,
    Value,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.cells import EVERYBODY, NOBODY
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Sockets
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORTS, ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Who

from .levels import units_at
from .packet_kinds import FIRST, MARK, STATES, Direction, PacketKind

SYN, ACK = 2, 16
"""Of TCP's flags, as nft prints them with -nn."""
_NFPROTO = {2: FAMILIES["ip"], 10: FAMILIES["ip6"], "ipv4": FAMILIES["ip"], "ipv6": FAMILIES["ip6"]}
_ANY_PORT = ((0, PORTS - 1),)
_ANY_PROTOCOL = ((0, 255),)
_PORTED = sorted(services.PORT_PROTOCOLS.values())
_TCP_FLAGS = Payload("tcp", "flags")
_STATE_FLAGS = 0x17
"""FIN, SYN, RST and ACK: of these the first packet of a connection has SYN alone, and no other packet has."""
_DIRECTIONS: dict[Value, Direction] = {0: "original", 1: "reply", "original": "original", "reply": "reply"}
_ADDRESS_TYPE = Fib("type", ("daddr",))
# Types of addresses (linux/rtnetlink.h) that the kernel delivers on the host where a packet leaves by lo.
_DELIVERED = {"local": 2, "broadcast": 3, "anycast": 4, "multicast": 5}


class Owners:
    """The owners of sockets in classes, which rules and the policy tell apart, and where sockets are.

    classes: (a uid of the class, its users as in `policy/sets/cells.py`), in order. lists: the lists of units of the
    policy.
    """

    def __init__(self, classes: Sequence[tuple[int, int]] = (), lists: Iterable[Sequence[str]] = ()) -> None:
        self._uids = [uid for uid, _users in classes]
        self._users = [users for _uid, users in classes]
        self._units = {table_names.units_set(units): units for units in lists}

    def within(self, named_set: str, level: int) -> Who:
        """Return everybody whose socket has, at a level, a cgroup that the host puts into a set. Raises NotModelled."""
        if named_set not in self._units:
            raise NotModelled(f"the set @{named_set}")
        return Sockets(units=units_at(level, self._units[named_set])).who

    def among(self, uids: Intervals, *, negated: bool = False) -> int:
        """Return the users of the classes whose uid is in a set, or is not."""
        places = {
            place
            for first, last in uids
            for place in range(bisect_left(self._uids, first), bisect_right(self._uids, last))
        }
        users = NOBODY
        for place in range(len(self._uids)) if negated else places:
            if (place in places) != negated:
                users |= self._users[place]
        return users


@dataclass(frozen=True)
class Situation:
    """What is the same for all flows of one calculation.

    owners: of the sockets; a packet without one has none. now: seconds since 1970. interface: where packets leave,
    "lo" or "" for any other. delivered: whether the destination is the host itself; a packet that was routed to lo
    before its destination was rewritten has another one. incoming: where forwarded packets came in; then both are names
    of real interfaces, each an example of its class. kind: what connection tracking says.
    """

    owners: Owners
    source_port: int
    now: float
    interface: str = ""
    delivered: bool = False
    incoming: str = ""
    kind: PacketKind = FIRST


@dataclass(frozen=True)
class FlowBox:
    """Every combination of these addresses, services and owners. certain False: each flow in it may fit or may not.

    owners: as the users in `policy/sets/cells.py`.
    """

    addresses: AddressSet = EVERYTHING
    services: ServiceSet = services.ANY
    certain: bool = True
    owners: Who = EVERYBODY

    def __and__(self, other: FlowBox) -> FlowBox:
        return FlowBox(
            self.addresses & other.addresses,
            self.services & other.services,
            self.certain and other.certain,
            self.owners & other.owners,
        )

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services) and self.owners != NOBODY


_WITHOUT_PORTS = FlowBox(
    services=services.ANY - ServiceSet(tuple((number * PORTS, number * PORTS + PORTS - 1) for number in _PORTED)),
    certain=False,
)
EVERY_FLOW, NO_FLOW = FlowBox(), FlowBox(addresses=addresses.NOTHING)
PERHAPS = FlowBox(certain=False)


def boxes_of_match(table: Table, situation: Situation, match: Match) -> list[FlowBox]:
    """Return the flows that fit a match, all boxes together. Raises NotModelled."""
    if not isinstance(match.left, Concatenation):
        return _boxes_of_value(table, situation, match.left, match.right, match.operator)
    if match.operator == "!=":
        raise NotModelled("a concatenation that is not in a set")
    return [
        box for element in table.elements(match.right) for box in boxes_of_key(table, situation, match.left, element)
    ]


def boxes_of_key(table: Table, situation: Situation, key: Expression, value: Value) -> list[FlowBox]:
    """Return the flows whose key, also a concatenated one, has this value, all boxes together. Raises NotModelled."""
    if not isinstance(key, Concatenation):
        return _boxes_of_value(table, situation, key, value)
    if not isinstance(value, ConcatenatedValue) or len(value.parts) != len(key.parts):
        raise NotModelled(f"the value {value}")
    boxes = [EVERY_FLOW]
    for part, part_value in zip(key.parts, value.parts, strict=True):
        fitting = _boxes_of_value(table, situation, part, part_value)
        boxes = [both for box in boxes for other in fitting if (both := box & other)]
    return boxes


def _boxes_of_value(
    table: Table, situation: Situation, expression: Expression, value: Value, operator: str = "=="
) -> list[FlowBox]:
    """Return the flows for which a comparison of one expression holds, all boxes together. Raises NotModelled."""
    box = _box_of_value(table, situation, expression, value, operator)
    if isinstance(expression, Payload) and expression.protocol == "th":
        # nf_tables reads these bytes of every protocol; in ESP, ICMP or VRRP there is something else.
        return [box, _WITHOUT_PORTS]
    return [box]


def _box_of_value(table: Table, situation: Situation, expression: Expression, value: Value, operator: str) -> FlowBox:
    """Return the flows for which a comparison holds, of protocols with ports where it is about `th`."""
    is_time = expression == Meta("time")
    if operator not in ("==", "!=", "in") and not is_time:
        raise NotModelled(f"the operator {operator}")
    negated = operator == "!="
    match expression:
        case Meta(key="time"):
            return _time(situation, value, operator)
        case Meta(key=key):
            return _meta(table, situation, key, value, negated)
        case Payload():
            return _payload(table, situation, expression, value, negated)
        case ConnTrack(direction=""):
            return _connection(table, situation, expression, value, operator)
        case Cgroup(level=level) if _is_own(table) and not negated:
            return _cgroup(situation, level, value)
        case Fib() if expression == _ADDRESS_TYPE and situation.interface == "lo":
            return _constant(_is_delivered(table, situation, value) != negated)
        case Masked() if expression == MARK:
            return _mark(situation, value, negated)
        case Masked(expression=inner, mask=mask) if inner == _TCP_FLAGS:
            return _tcp_flags(situation, _mask(mask), value, negated)
    raise NotModelled(str(expression))


def _connection(table: Table, situation: Situation, expression: ConnTrack, value: Value, operator: str) -> FlowBox:
    if expression.key == "state":
        state = STATES[situation.kind.state]
        if operator == "==":
            return _constant(intervals.contains(number_set(table.elements(value)), state))
        return _constant(bool(_mask(value) & state) != (operator == "!="))
    if expression.key == "direction" and value in _DIRECTIONS:
        # A match on the direction of what belongs to no connection ends the rule (nft_ct.c: NFT_BREAK).
        direction = situation.kind.direction
        return _constant(bool(direction) and (direction == _DIRECTIONS[value]) != (operator == "!="))
    raise NotModelled(str(expression))


def _cgroup(situation: Situation, level: int, value: Value) -> FlowBox:
    if isinstance(value, SetReference):
        return FlowBox(owners=situation.owners.within(value.name, level))
    if isinstance(value, str | int):
        return PERHAPS  # one cgroup: of which unit, only the host knows
    raise NotModelled(f"the cgroup {value}")


def _constant(holds: bool) -> FlowBox:
    return EVERY_FLOW if holds else NO_FLOW


def _mark(situation: Situation, value: Value, negated: bool) -> FlowBox:
    if not situation.kind.direction:
        return NO_FLOW  # what belongs to no connection has no mark (nft_ct.c: NFT_BREAK)
    if situation.kind.marked is None or value not in (0, CONNECTION_MARK):
        raise NotModelled(str(MARK))
    return _constant((situation.kind.marked == bool(value)) != negated)


def _is_delivered(table: Table, situation: Situation, value: Value) -> bool:
    """Tell whether a packet by lo has one of these types of destination. Raises NotModelled where only some do."""
    types = {_DELIVERED.get(str(element), element) for element in table.elements(value)}
    if types != set(_DELIVERED.values()):
        raise NotModelled(f"{_ADDRESS_TYPE} {value}")
    return situation.delivered


def _tcp_flags(situation: Situation, mask: int, value: Value, negated: bool) -> FlowBox:
    """Return TCP packets by their flags: SYN and nothing else, or what is known of the others."""
    flags = situation.kind.flags
    if not isinstance(value, int) or not (flags == "syn" or (mask == _STATE_FLAGS and value in (SYN, ACK))):
        raise NotModelled("tcp flags")
    holds = (SYN & mask == value if flags == "syn" else flags == "ack" and value == ACK) != negated
    return FlowBox(services=services.of_protocol(services.PORT_PROTOCOLS["tcp"])) if holds else NO_FLOW


def _payload(table: Table, situation: Situation, header: Payload, value: Value, negated: bool) -> FlowBox:
    match (header.protocol, header.field):
        case ("ip" | "ip6", "daddr"):
            family = FAMILIES[header.protocol]
            if _is_filled(table, value):
                # What others fill holds any address at another time; rules must be right for all of them.
                return FlowBox(family, certain=False)
            destinations = address_set(table.elements(value))
            return FlowBox(family - destinations if negated else family & destinations)
        case ("ip", "protocol") | ("ip6", "nexthdr"):
            return FlowBox(FAMILIES[header.protocol], _protocols(table, value, negated))
        case (protocol, "dport"):
            return _ported(protocol, _ports(table, value, negated))
        case (protocol, "sport"):
            ports = _ports(table, value, negated)
            return _ported(protocol, _ANY_PORT if intervals.contains(ports, situation.source_port) else ())
        case ("icmp" | "icmpv6", "type"):
            number = services.ICMP if header.protocol == "icmp" else services.ICMPV6
            return FlowBox(services=ServiceSet(_on_line(number, _ports(table, value, negated))))
    raise NotModelled(str(header))


def _is_filled(table: Table, value: Value) -> bool:
    """Return whether a value is a set of our own table that others fill."""
    return (
        _is_own(table)
        and isinstance(value, SetReference)
        and value.name in table.sets
        and table_names.is_filled(value.name)
    )


def _is_own(table: Table) -> bool:
    return (table.family, table.name) == table_names.TABLE


def _ports(table: Table, value: Value, negated: bool) -> Intervals:
    """Return ports, or message types of ICMP, which have their place."""
    ports = number_set(table.elements(value))
    return intervals.subtract(_ANY_PORT, ports) if negated else intervals.intersect(_ANY_PORT, ports)


def _ported(protocol: str, ports: Intervals) -> FlowBox:
    if protocol in services.PORT_PROTOCOLS:
        return FlowBox(services=ServiceSet(_on_line(services.PORT_PROTOCOLS[protocol], ports)))
    if protocol != "th":
        raise NotModelled(f"ports of {protocol}")
    return FlowBox(services=ServiceSet(tuple(piece for number in _PORTED for piece in _on_line(number, ports))))


def _on_line(protocol: int, ports: Intervals) -> Intervals:
    return tuple((protocol * PORTS + first, protocol * PORTS + last) for first, last in ports)


def _meta(table: Table, situation: Situation, key: str, value: Value, negated: bool) -> FlowBox:
    match key:
        case "l4proto":
            return FlowBox(services=_protocols(table, value, negated))
        case "nfproto" if isinstance(value, int | str) and value in _NFPROTO:
            return FlowBox(EVERYTHING - _NFPROTO[value] if negated else _NFPROTO[value])
        case "skuid":
            # A match on the owner of what has none ends the rule, whichever way it is asked (nft_meta.c: NFT_BREAK).
            return FlowBox(owners=situation.owners.among(number_set(table.elements(value)), negated=negated))
        case "oifname" | "oif" | "iifname" | "iif":
            return _interface(table, situation, key, value, negated)
    raise NotModelled(f"meta {key}")


def _time(situation: Situation, value: Value, operator: str) -> FlowBox:
    try:
        moment = dt.datetime.fromisoformat(value if isinstance(value, str) else "").replace(tzinfo=dt.UTC).timestamp()
    except ValueError as error:
        raise NotModelled("meta time") from error
    holds = {"<": situation.now < moment, ">=": situation.now >= moment}.get(operator)
    if holds is None:
        raise NotModelled("meta time")
    return _constant(holds)


def _interface(table: Table, situation: Situation, key: str, value: Value, negated: bool) -> FlowBox:
    outgoing = key in ("oifname", "oif")
    if value in (0, "0") and (outgoing or situation.incoming):
        return _constant(negated)  # a packet that goes out, or through, has an interface
    names = [_interface_name(element) for element in table.elements(value)]
    here = situation.interface if outgoing else situation.incoming
    if here:
        return _constant(any(is_named(here, name) for name in names) != negated)
    other = [name for name in names if name != "lo"]
    if other or not outgoing:
        raise NotModelled(f"the interface {(other or names or ['without a name'])[0]}")
    return _constant(negated)


def _interface_name(element: Value) -> str:
    """Return a name or pattern. Raises NotModelled, also for an escaped star, which is part of a name."""
    if not isinstance(element, str) or not element.rstrip("*") or "\\" in element:
        raise NotModelled(f"the interface {element}")
    return element


def is_named(name: str, pattern: str) -> bool:
    """Return whether an interface has this name, or begins as the pattern before its star."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _protocols(table: Table, value: Value, negated: bool) -> ServiceSet:
    numbers = intervals.intersect(_ANY_PROTOCOL, number_set(table.elements(value)))
    line = tuple((first * PORTS, last * PORTS + PORTS - 1) for first, last in numbers)
    protocols = ServiceSet(intervals.normalise(line))
    return services.ANY - protocols if negated else protocols


def _mask(value: Value) -> int:
    """Return a bit mask: a number, or numbers joined as nft 0.9.8 and 1.1.3 write them. Raises NotModelled."""
    if isinstance(value, int):
        return value
    if not isinstance(value, BitUnion):
        raise NotModelled("a mask of bits")
    mask = 0
    for bit in value.bits:
        mask |= _mask(bit)
    return mask
