# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The situations between which a table or the policy differs: owners of sockets, source ports, observed or enforced.

Each class of owners or ports is represented by one number in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import OBSERVED_CHAIN
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import number_range
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    ConcatenatedValue,
    Concatenation,
    Expression,
    Match,
    Meta,
    NotModelled,
    Payload,
    Statement,
    Table,
    Value,
    VerdictMap,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)

from .inert import is_inert
from .packet_kinds import KINDS, MARK, PacketKind

NO_UID = 2**32 - 1
"""(uid_t) -1, which no user has."""
MAX_CLASSES = 64
"""Classes of interfaces that are calculated; a table that distinguishes more is not modelled."""
UNNAMED_PORT = 40000
"""A source port for all that no rule names: one of those that systems choose themselves."""
OBSERVED = frozenset({OBSERVED_CHAIN})
"""Where our table sends what it only observes: a rejection where the question is what enforcing would reject."""
_PORTED = ("th", *protocols.WITH_PORTS)


def uids(tables: Iterable[Table], policy_uids: Iterable[int]) -> list[tuple[int, bool]]:
    """Return (a uid, whether anything names it) for each class of owners. Raises NotModelled."""
    ranges = [(uid, uid + 1) for uid in policy_uids] + list(_ranges(tables, Meta("skuid")))
    # A range of every uid there is distinguishes nobody.
    limits = [(first, after) for first, after in ranges if first > 0 or after < NO_UID]
    return [(uid, bool(inside)) for inside, uid in _classes(limits, NO_UID).items()]


def source_ports(tables: Iterable[Table], of_policy: Iterable[int] = ()) -> list[int]:
    """Return one source port of each class, 0 first, which stands for all that nothing names. Raises NotModelled.

    of_policy: ports that the policy tells apart.
    """
    ranges = [(port, port + 1) for port in of_policy]
    for protocol in _PORTED:
        ranges += _ranges(tables, Payload(protocol, "sport"))
    return list(_classes(ranges, 2**16).values())


def _classes(ranges: Sequence[tuple[int, int]], end: int) -> dict[frozenset[int], int]:
    """Return the lowest number below end for each combination of ranges, (first, after the last), that it is in.

    A combination is the places of its ranges.
    """
    begins, ends = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for place, (first, after) in enumerate(ranges):
        begins[first].append(place)
        ends[after].append(place)
    lowest: dict[frozenset[int], int] = {}
    inside: set[int] = set()
    for number in sorted({0, *begins, *ends}):
        inside -= set(ends.get(number, ()))
        inside |= {place for place in begins.get(number, ()) if ranges[place][1] > number}
        if number < end:
            lowest.setdefault(frozenset(inside), number)
    return lowest


def questions(policy: ResolvedPolicy) -> list[tuple[frozenset[str], Region]]:
    """Return (chains that count as a rejection, what passes beside what is allowed) of each question to our table.

    What happens now, and where something is only observed, what would happen if it were enforced.
    """
    observed = of_boxes((destinations, services.ANY) for destinations in policy.observed().values())
    if policy.mode == "observe":
        observed = SPACE
    return [(frozenset(), observed), *([(OBSERVED, EMPTY)] if observed else [])]


def kinds(table: Table) -> tuple[PacketKind, ...]:
    """Return the kinds of packets that a table tells apart, the first of connections first. Raises NotModelled."""
    if not list(values([table], MARK)):
        return KINDS
    # What belongs to no connection has no mark.
    marked = (replace(kind, marked=marked) for marked in (False, True) for kind in KINDS if kind.direction)
    return (*marked, *(kind for kind in KINDS if not kind.direction))


def values(tables: Iterable[Table], expression: Expression) -> Iterator[Value]:
    """Yield every value that rules compare an expression with: alone, in a set, in a map or in a concatenation.

    Chains that decide nothing do not count: those of the ledger compare with every line of it. Raises NotModelled.
    """
    for table in tables:
        for chain in table.chains.values():
            if is_inert(table, chain.name):
                continue
            for rule in chain.rules:
                for statement in rule.statements:
                    for left, right in _comparisons(table, statement):
                        yield from _compared_with(expression, left, right)


def _comparisons(table: Table, statement: Statement) -> Iterator[tuple[Expression, Value]]:
    if isinstance(statement, Match):
        yield from ((statement.left, element) for element in table.elements(statement.right))
    elif isinstance(statement, VerdictMap):
        yield from ((statement.key, key) for key, _verdict in table.pairs(statement))


def _compared_with(expression: Expression, left: Expression, right: Value) -> Iterator[Value]:
    if left == expression:
        yield right
    if not isinstance(left, Concatenation):
        return
    for position, part in enumerate(left.parts):
        if part == expression:
            if not isinstance(right, ConcatenatedValue) or position >= len(right.parts):
                raise NotModelled(f"the value {right}")
            yield right.parts[position]


def _ranges(tables: Iterable[Table], expression: Expression) -> Iterator[tuple[int, int]]:
    """Yield (first, after the last) of each value that rules compare an expression with."""
    for value in values(tables, expression):
        first, last = number_range(value)
        yield first, last + 1
