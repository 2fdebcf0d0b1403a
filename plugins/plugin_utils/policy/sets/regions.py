# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (protocol, port, destination address) for the whole of both families: what one user can reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import or_

from . import addresses, cells, services
from .addresses import EVERYTHING, AddressSet, parse_address
from .cells import ALL, EVERYBODY, Cell
from .intervals import Interval, normalise
from .services import PORTS, ServiceSet
from .steps import Steps

Pair = tuple[AddressSet, ServiceSet]
"""Every combination of these addresses and these services."""
_ICMP = {4: (services.ICMP, services.ICMPV6), 6: (services.ICMPV6, services.ICMP)}
"""Each IP version's own protocol, and that of the other one."""


@dataclass(frozen=True)
class Region(Steps):
    """Flows, of any users. Compare with ==, test for emptiness with bool(). Made by `of_boxes`."""

    def at(self, protocol: int, port: int) -> AddressSet:
        """Return the addresses that are reached with one service; port 0 where the protocol has none."""
        place = protocol * PORTS + port
        return addresses.union(
            addresses.interval(version, first, last)
            for version, first, last, cell in self.parts()
            if cells.at(cell, place)
        )

    def contains(self, protocol: int, port: int, address: str) -> bool:
        """Tell whether one flow is in the region. Raise AddressError for a text that is not an address."""
        return bool(cells.at(self.cell(*parse_address(address)), protocol * PORTS + port))

    def addresses(self) -> AddressSet:
        """Return every address that is reached with any service."""
        return addresses.union(addresses.interval(version, first, last) for version, first, last, _cell in self.parts())

    def boxes(self, *, icmp_as_one: bool = False) -> list[Pair]:
        """Return the region as few pairs, every combination of each.

        No two have the same addresses; where that takes more pairs, because ranges of services overlap in many ways, no
        two have the same services.
        icmp_as_one: whether all of an address's ICMP is written as ICMP of both families, as a policy writes it. That
        adds no flow: ICMPv6 over IPv4 is none.
        """
        steps: dict[Cell, dict[int, list[Interval]]] = defaultdict(lambda: {4: [], 6: []})
        for version, first, last, cell in self.parts():
            steps[_with_both(cell, version) if icmp_as_one else cell][version].append((first, last))
        by_services = [
            (AddressSet(normalise(both[4]), normalise(both[6])), cells.line(cell)) for cell, both in steps.items()
        ]
        stretches = _stretches([line for _reached, line in by_services])
        if len(stretches) > len(by_services):
            return [(reached, ServiceSet(line)) for reached, line in by_services]
        return [
            (
                addresses.union(reached for place, (reached, _line) in enumerate(by_services) if numbers >> place & 1),
                ServiceSet(normalise(line)),
            )
            for numbers, line in stretches.items()
        ]

    def first(self) -> tuple[int, int, int]:
        """Return the smallest flow as (IP version, address, place on the line of services).

        It is the one of the lowest address, IPv4 first, with its lowest service. The region must not be empty.
        """
        version, first, _last, cell = next(self.parts())
        return version, first, cells.line(cell)[0][0]

    def witness(self) -> tuple[str, str]:
        """Return (address, service) of the smallest flow. The region must not be empty.

        A service is written as a policy writes it: `tcp/22`, `icmp`, `proto/112`.
        """
        version, address, place = self.first()
        return addresses.to_text(version, address), services.to_text(*divmod(place, PORTS))


def _with_both(cell: Cell, version: int) -> Cell:
    """Return a cell with ICMP of both families where it has all of its own."""
    own, other = (services.of_protocol(number) for number in _ICMP[version])
    if not own <= ServiceSet(cells.line(cell)):
        return cell
    return cells.combined(or_, cell, cells.of_line(other.line, ALL), {})


def _stretches(lines: list[tuple[Interval, ...]]) -> dict[int, list[Interval]]:
    """Return the services by the lines that they are on: a number with a bit for each place in the list."""
    changes: dict[int, int] = defaultdict(int)
    for place, line in enumerate(lines):
        for start, end in line:
            changes[start] ^= 1 << place
            changes[end + 1] ^= 1 << place
    by_lines: dict[int, list[Interval]] = {}
    numbers = start = 0
    for place in sorted(changes):
        if numbers:
            by_lines.setdefault(numbers, []).append((start, place - 1))
        numbers ^= changes[place]
        start = place
    return by_lines


def of_boxes(boxes: Iterable[Pair]) -> Region:
    """Return the union of pairs, every combination of each."""
    return Region.of((reached, spoken, EVERYBODY) for reached, spoken in boxes)


EMPTY = Region()
SPACE = of_boxes([(EVERYTHING, services.ANY)])
"""Every flow there can be: ICMP belongs to IPv4 only, ICMPv6 to IPv6."""
