# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The denied ledger, as nf_tables keeps it: which flows were rejected, how often, and of whom it is incomplete.

Read without nft, whose old versions take seconds where a flood has filled it.
"""

from __future__ import annotations

import ipaddress
import itertools
import pwd
import socket
import struct
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import Iterable, Iterator, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.counted_elements import (
    CountedElement,
    dump_counted,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    FIRST_SUB_UID,
    LEDGER_SETS,
    LEDGER_TIMEOUT_DAYS,
    MODE_COUNTERS,
    TABLE,
    UID_BLOCK,
    UNIT_LEDGER_SETS,
    LedgerSet,
    overflow_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups
from ansible_collections.tidegate.nftables.plugins.module_utils.units.fill import KEY_LENGTH

MOST_KEPT = 20000
"""Lines that the watcher keeps of the ledger, and of what was allowed: the latest ones, about 2 MB each."""
TIMEOUT = LEDGER_TIMEOUT_DAYS * 86400
"""Seconds after its last packet that nf_tables forgets a line."""
_PROTOCOL_NAMES = {number: name for name, number in list(protocols.NUMBERS.items())[::-1]}
_OVERFLOW_SETS = {
    overflow_set(counter, user=user): (mode == "observe", user)
    for mode, counter in MODE_COUNTERS.items()
    for user in (True, False)
}


@dataclass(frozen=True)
class DeniedLine:
    """One line of the ledger. uid: None for packets without a socket; port: None for protocols without ports.

    packets, bytes: since the line was made; seconds: since the last packet; observed: mode observe accepted them;
    units: those that are known to have sent some, where the table notes it.
    """

    address: str
    protocol: str
    port: int | None
    uid: int | None
    packets: int
    seconds: int
    observed: bool
    bytes: int = 0
    units: tuple[str, ...] = ()


def counts_on(line: DeniedLine, last: float, counted: int, last_before: float) -> bool:
    """Return whether a line still has the packets that it had when it was read before, in the same boot.

    Else nf_tables forgot it in between: it has fewer, or as many that came later. last, last_before: when its last
    packet came, now and at the time of `counted` packets, in seconds.
    """
    later = last > last_before + 2
    return last - last_before < TIMEOUT and line.packets >= counted + (later and line.packets == counted)


@dataclass(frozen=True)
class Overflow:
    """Packets of one user for whose flows the ledger had no room, so that nobody knows where they went.

    uid: the first of a block from FIRST_SUB_UID on, None for packets without a socket; those are counted by protocol,
    which is "" for a user. packets, seconds, observed: as in DeniedLine.
    """

    uid: int | None
    protocol: str
    packets: int
    seconds: int
    observed: bool


@dataclass(frozen=True)
class Ledger:
    """What was rejected. lines, overflow: the most frequent first."""

    lines: tuple[DeniedLine, ...] = ()
    overflow: tuple[Overflow, ...] = ()


def read(units: Mapping[int, str] | None = None) -> Ledger:
    """Return the ledger of the live table, an empty one where there is no table.

    units: the unit of each cgroup, None for those that are there now.
    """
    dumped = dump_counted(*TABLE, [*LEDGER_SETS, *_OVERFLOW_SETS, *UNIT_LEDGER_SETS])
    noted = {name for name in UNIT_LEDGER_SETS if dumped.get(name)}
    if noted and units is None:
        units = unit_ids()
    lines = [
        line
        for name, ledger_set in LEDGER_SETS.items()
        for line in lines_of(
            ledger_set,
            dumped.get(name, []),
            _units_by_key([dumped[each] for each in noted if UNIT_LEDGER_SETS[each] == ledger_set], units or {}),
        )
    ]
    return Ledger(
        tuple(sorted(lines, key=lambda line: (-line.packets, line.address, line.port or 0))),
        tuple(sorted(overflow(dumped), key=lambda item: -item.packets)),
    )


def unit_ids() -> dict[int, str]:
    """Return the unit of each cgroup of a unit, by its id; none of slices."""
    return {each.id: each.unit for each in cgroups.cgroups(cgroups.root()) if not each.unit.endswith(cgroups.SLICE)}


def _units_by_key(sets: Iterable[list[CountedElement]], units: Mapping[int, str]) -> dict[bytes, tuple[str, ...]]:
    """Return the units of each key of a ledger set, sorted. sets: those of units that are about it."""
    by_key: dict[bytes, set[str]] = {}
    for element in itertools.chain.from_iterable(sets):
        key, number = element.key[:-KEY_LENGTH], int.from_bytes(element.key[-KEY_LENGTH:], sys.byteorder)
        if number in units:
            by_key.setdefault(key, set()).add(units[number])
    return {key: tuple(sorted(names)) for key, names in by_key.items()}


def read_overflow() -> tuple[Overflow, ...]:
    """Return the overflow alone."""
    return tuple(sorted(overflow(dump_counted(*TABLE, _OVERFLOW_SETS)), key=lambda item: -item.packets))


def overflow(dumped: dict[str, list[CountedElement]]) -> Iterator[Overflow]:
    """Yield the overflow in dumped sets."""
    for name, (observed, has_user) in _OVERFLOW_SETS.items():
        for element in dumped.get(name, []):
            uid = struct.unpack("=I", element.key)[0] if has_user else None
            protocol = "" if has_user else protocol_name(element.key[0])
            yield Overflow(uid, protocol, element.packets, int(element.idle), observed)


def key_of(ledger_set: LedgerSet, address: str, protocol: int, port: int | None, uid: int | None) -> bytes:
    """Return the key of a flow in a ledger set, in the kernel's bytes."""
    fields = [ipaddress.ip_address(address).packed, bytes([protocol])]
    fields += [struct.pack(">H", port or 0)] if ledger_set.port else []
    fields += [struct.pack("=I", uid or 0)] if ledger_set.user else []
    return b"".join(field + bytes(-len(field) % 4) for field in fields)


def protocol_name(number: int) -> str:
    """Return a protocol's name, its number in digits where it has none."""
    return _PROTOCOL_NAMES.get(number, str(number))


def service(protocol: str, port: int | None) -> str:
    """Return a service as a policy writes it: tcp/22, icmp, proto/112."""
    number = protocols.NUMBERS.get(protocol, protocol)
    if number in (protocols.ICMP, protocols.ICMPV6):
        return "icmp"
    return f"proto/{number}" if port is None else f"{protocol}/{port}"


def flow(line: DeniedLine) -> str:
    """Return a line's flow for people, as in "192.0.2.1 tcp/443 by www-data"."""
    return flow_text(line.address, line.protocol, line.port, line.uid, line.units)


def flow_text(address: str, protocol: str, port: int | None, uid: int | None, units: Sequence[str] = ()) -> str:
    """Return a flow for people. Arguments: as in DeniedLine."""
    by = "the kernel or another host" if uid is None else user_name(uid)
    by = f"{', '.join(units)} ({by})" if units else by
    return f"{address} {protocol}{'' if port is None else f'/{port}'} by {by}"


def sender(uid: int | None, protocol: str) -> str:
    """Return whose packets an overflow counts, for people."""
    if uid is not None:
        return user_name(uid)
    return f"no user ({protocol})" if protocol else "earlier flows"


def user_name(uid: int) -> str:
    """Return the name of a user, or of a block of uids that share one part of the ledger."""
    if uid >= FIRST_SUB_UID and uid % UID_BLOCK == 0:
        return f"uids {uid} to {uid + UID_BLOCK - 1}"
    try:
        return str(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def lines_of(
    ledger_set: LedgerSet, dumped: list[CountedElement], units: Mapping[bytes, tuple[str, ...]] = MappingProxyType({})
) -> Iterator[DeniedLine]:
    """Yield the lines of one set; one without a packet was made for a policy test and is none. units: by key."""
    length = 4 if ledger_set.version == 4 else 16
    family = socket.AF_INET if ledger_set.version == 4 else socket.AF_INET6
    for element in dumped:
        if not element.packets or len(element.key) != length + 4 * (1 + ledger_set.port + ledger_set.user):
            continue
        yield DeniedLine(
            address=socket.inet_ntop(family, element.key[:length]),
            protocol=protocol_name(element.key[length]),
            port=struct.unpack_from(">H", element.key, length + 4)[0] if ledger_set.port else None,
            uid=struct.unpack_from("=I", element.key, len(element.key) - 4)[0] if ledger_set.user else None,
            packets=element.packets,
            seconds=int(element.idle),
            observed=ledger_set.observed,
            bytes=element.bytes,
            units=units.get(element.key, ()),
        )
