# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tables do to packets that the host forwards, those of its containers above all, against what the policy says.

A forwarded packet has no owner here, and the kernel forwards nothing to loopback addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Resolved
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import (
    LOOPBACK,
    PORTED,
    Floor,
    passing,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE, Region, of_boxes

from .interfaces import ways
from .listing import Chain, Table
from .matches import Situation
from .model import TOO_LITTLE, UNKNOWN, Differences, Finding, Kernel
from .situations import UNTOLD_PORT, questions, source_ports
from .walk import Bounds, Walk

HOOK = "forward"
FORWARDED = "what is forwarded"
_ALL = SPACE - of_boxes([(LOOPBACK, services.ANY)])


def differences(resolved: Resolved, kernel: Kernel, table: Table) -> list[Finding]:
    """How our table differs from the policy about containers, and in letting through all else that is forwarded.

    Raises Unreadable.
    """
    chains = table.base_chains(HOOK)
    if resolved.containers is None and not chains:
        return []
    found = Differences(f"{table.family} {table.name}")
    kinds = list(ways(table, resolved.container_interfaces))
    for port in source_ports([table]):
        given = _ALL if port == 0 else _ALL & PORTED
        floor = Floor(source_port=port)
        sure = passing(resolved, floor=floor, containers=True).nobody & given
        most = passing(resolved, floor=floor, containers=True, most=True).nobody & given
        for way in kinds:
            situation = Situation(None, port, kernel.now, way.outgoing, way.incoming)
            for stop, extra in questions(resolved):
                wanted = Bounds(sure | extra & given, most | extra & given) if way.filtered else Bounds(given, given)
                bounds, why = _through(table, chains, situation, given, stop)
                found.compare(way.label, port, bounds, wanted, why)
    return found.found


def others(resolved: Resolved, kernel: Kernel, table: Table) -> Iterator[Finding]:
    """What another table refuses, or may refuse, of what the policy allows to containers. Raises Unreadable.

    Without a policy about containers: of all that is forwarded, whatever the interfaces.
    """
    chains = table.base_chains(HOOK)
    allowed = passing(resolved, containers=True).nobody & _ALL
    unknown_way = [(Situation(None, UNTOLD_PORT, kernel.now), FORWARDED)]
    kinds = unknown_way if resolved.containers is None else _from_containers(resolved, kernel, table)
    for situation, label in kinds if chains else ():
        bounds, why = _through(table, chains, situation, _ALL)
        if lost := allowed - bounds.most:
            yield Finding(TOO_LITTLE, f"{table.family} {table.name}", (label,), lost)
        if unknown := allowed & bounds.unknown:
            yield Finding(UNKNOWN, f"{table.family} {table.name}", (label,), unknown, tuple(why))


def _from_containers(resolved: Resolved, kernel: Kernel, table: Table) -> list[tuple[Situation, str]]:
    return [
        (Situation(None, UNTOLD_PORT, kernel.now, way.outgoing, way.incoming), way.label)
        for way in ways(table, resolved.container_interfaces)
        if way.filtered
    ]


def _through(
    table: Table, chains: Sequence[Chain], situation: Situation, given: Region, stop: frozenset[str] = frozenset()
) -> tuple[Bounds, list[str]]:
    """What passes all chains of a table at the hook, and what could not be modelled. Without a chain, everything."""
    bounds, why = Bounds(given, given), list[str]()
    for chain in chains:
        walk = Walk(table, situation, stop)
        one = walk.base(chain, given)
        bounds = Bounds(bounds.sure & one.sure, bounds.most & one.most)
        why += [reason for reason in walk.why if reason not in why]
    return bounds, why
