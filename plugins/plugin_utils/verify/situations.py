# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every situation that a table tells apart: owners of sockets and source ports, each class by one of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Resolved
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import LEASE_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import (
    EMPTY,
    SPACE,
    Region,
    of_boxes,
)

from .listing import Table, plain_element
from .matches import Unreadable, elements, number_range

NO_UID = 2**32 - 1
"""(uid_t) -1, which no user has."""
MOST = 64
"""Classes that are looked at; a table that tells more apart is not modelled."""
UNTOLD_PORT = 40000
"""A source port for all that nothing is said about: of those that systems choose themselves."""
OBSERVED = frozenset({"egress_observed"})
"""Where our table sends what it only observes: for the question what enforcing refuses, a refusal."""


def uids(tables: Iterable[Table], named: Iterable[int]) -> list[tuple[int, bool]]:
    """(one uid, is anything said about it) of each class that the rules and these names tell apart.

    Raises Unreadable.
    """
    ends = [(uid, uid + 1) for uid in named] + list(_ranges(tables, {"meta": {"key": "skuid"}}))
    # Every uid there is: a rule that takes them all says nothing about one.
    telling = [both for both in ends if both[0] > 0 or both[1] < NO_UID]
    return [(uid, any(said)) for said, uid in _kinds(telling, NO_UID).items()]


def source_ports(tables: Iterable[Table]) -> list[int]:
    """One source port of each class, 0 first, which stands for all that nothing is said about. Raises Unreadable."""
    ends = [(port, port + 1) for port in LEASE_PORTS]
    for protocol in ("tcp", "udp", "th", "sctp", "dccp", "udplite"):
        ends += _ranges(tables, {"payload": {"protocol": protocol, "field": "sport"}})
    return list(_kinds(ends, 2**16).values())


def _kinds(ends: Sequence[tuple[int, int]], end: int) -> dict[tuple[bool, ...], int]:
    """For each combination of ranges that numbers are in: the lowest such number."""
    found: dict[tuple[bool, ...], int] = {}
    for number in sorted({0, *(cut for both in ends for cut in both if cut < end)}):
        found.setdefault(tuple(first <= number < after for first, after in ends), number)
    if len(found) > MOST:
        raise Unreadable(f"{len(found)} users or ports that are told apart")
    return found


def questions(resolved: Resolved) -> list[tuple[frozenset[str], Region]]:
    """(chains that count as refusals, what passes beside what is allowed) of each thing that is asked of our table.

    What really happens, and where something is only observed, what enforcing would do.
    """
    observed = of_boxes((found, services.ANY) for found in resolved.observed().values())
    if resolved.mode == "observe":
        observed = SPACE
    return [(frozenset(), observed), *([(OBSERVED, EMPTY)] if observed else [])]


def values(tables: Iterable[Table], key: Mapping[str, Any]) -> Iterator[Any]:
    """Every value that rules compare a key with: alone, in a set, in a map, or as a part of a concatenation.

    Raises Unreadable.
    """
    for table in tables:
        for chain in table.chains.values():
            for rule in chain.rules:
                for statement in rule:
                    for left, right in _compared(table, statement):
                        parts = left["concat"] if isinstance(left, Mapping) and "concat" in left else [left]
                        for at, part in enumerate(parts):
                            if part == key:
                                yield _part(right, at) if len(parts) > 1 else right


def _compared(table: Table, statement: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    if match := statement.get("match"):
        yield from ((match["left"], plain_element(one)) for one in elements(table, match["right"]))
    if about := statement.get("vmap"):
        yield from ((about["key"], plain_element(one)) for one, _verdict in elements(table, about["data"]))


def _part(value: Any, at: int) -> Any:
    if not isinstance(value, Mapping) or at >= len(value.get("concat", ())):
        raise Unreadable(f"the value {value}")
    return value["concat"][at]


def _ranges(tables: Iterable[Table], key: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """(first, the one after the last) of each value that rules compare a key with."""
    for value in values(tables, key):
        first, last = number_range(value)
        yield first, last + 1
