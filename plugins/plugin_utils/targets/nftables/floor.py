# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor in nft: traffic that no policy closes by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import FloorOpening, openings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.settings import SSH
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING

from . import matches
from .matches import Spec

LOOPBACK = f'{table_names.LOOPBACK} accept comment "{table_names.LOOPBACK_COMMENT}"'
_REPLIES = f'{table_names.REPLIES} accept comment "{table_names.REPLIES_COMMENT}"'
# Packets in the direction that opened the connection are compared with the policy one by one.
_ONLY_REPLIES = f'{table_names.REPLIES} ct direction reply accept comment "{table_names.REPLIES_COMMENT}"'
_UNTRACKED = f'ct state untracked accept comment "{table_names.UNTRACKED_COMMENT}"'
# What no container gets from here: the kernel itself calls neighbour discovery untracked, wherever it goes.
_UNTRACKED_FORWARDED = f"meta l4proto != icmpv6 {_UNTRACKED}"

# Packets of no known connection are denied before any entry is compared.
_INVALID = f"ct state invalid goto {table_names.DENIED_CHAIN}"

# A connection older than connection tracking looks new; only its flags show that it is not. Without these rules the
# first apply cuts sessions in which this host sends the next packet, perhaps the one that applies the policy. They
# stand behind the rule for invalid packets, which takes all other combinations of flags.
_OLDER = table_names.OLDER


def open_connections(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules for packets of the host's open connections, and the one for packets of none.

    Connections older than connection tracking stay open for a time after the apply that made the table, which puts TCP
    into OLDER_SET; not where each packet is compared with the policy.
    """
    rules = [*_tracked(resolved), *([_UNTRACKED] if resolved.enforcement.untracked else []), _INVALID]
    if _keeps_older(resolved):
        # nft 1.1.3 refuses the two matches in the other order.
        rules.append(
            f'{_OLDER} meta l4proto @{table_names.OLDER_SET} counter accept comment "{table_names.OLDER_COMMENT}"'
        )
    return rules


def connections_of_ansible(resolved: ResolvedPolicy) -> list[str]:
    """Return the rule for what the host says in a connection to Ansible's port that connection tracking does not know.

    It holds at all times: whoever restores a table over such a connection must not lose it.
    """
    if "older-connections" not in resolved.floor:
        return []
    match = f"tcp sport {ansible_ports(resolved)} {_OLDER}"
    return [f'{match} counter accept comment "{table_names.OLDER_ANSIBLE_COMMENT}"']


def forwarded_connections(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules for forwarded packets of open connections, and the one for packets of none.

    What only looks like an older connection is new: whoever may send raw packets in a container could begin one so.
    """
    return [*_tracked(resolved), *([_UNTRACKED_FORWARDED] if resolved.enforcement.untracked else []), _INVALID]


def _tracked(resolved: ResolvedPolicy) -> list[str]:
    return [_ONLY_REPLIES if resolved.enforcement.recheck else _REPLIES]


def _keeps_older(resolved: ResolvedPolicy) -> bool:
    return "older-connections" in resolved.floor and not resolved.enforcement.recheck


def ansible_ports(resolved: ResolvedPolicy) -> str:
    """Return the host's ports that Ansible connects to, as a value or set of nft.

    Port 22 is always among them: behind a port forwarding, ansible_port is not a port of the host itself.
    """
    return matches.anonymous_set([str(port) for port in sorted({SSH, resolved.ansible_port})])


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets of the destinations that differ from policy to policy, and OLDER_SET.

    OLDER_SET is declared without elements, so that no later run touches its content.
    """
    older: Spec = {"name": table_names.OLDER_SET, "typeof": "meta l4proto", "flags": ["timeout"]}
    return [
        *([older] if _keeps_older(resolved) else []),
        *_destinations(openings(resolved)),
    ]


def _destinations(parts: Iterable[FloorOpening]) -> list[Spec]:
    return [
        spec
        for part in parts
        if part.named
        for spec in matches.address_sets(_set_name(part), part.addresses, "resolvers" if part.by_host else "")
    ]


def rules(parts: Iterable[FloorOpening]) -> list[str | dict[str, Any]]:
    """Return the rules that accept these parts of the floor."""
    return [_rule(part, match) for part in parts for match in _matches(part)]


def forwarded_rules(parts: Iterable[FloorOpening]) -> list[str]:
    """Return the rules for packets of containers, which have no user."""
    return [_text(part, match) for part in parts if part.containers for match in _matches(part)]


def _rule(part: FloorOpening, match: str) -> str | dict[str, Any]:
    text = _text(part, match)
    return text if part.users is None else {"rule": text, "users": list(part.users), "missing_users": "skip"}


def _text(part: FloorOpening, match: str) -> str:
    return f'{match} {"counter " if part.counted else ""}accept comment "{part.part}"'


def fail_safe(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules of the fail-safe table: the floor without sets, so that each rule can be loaded alone.

    In the rules for name servers that only the host knows, table_names.RESOLVERS stands for their addresses. What
    keeps connections to the host is there whatever the policy leaves out.
    """
    parts = openings(replace(resolved, floor=tuple(dict.fromkeys((*resolved.floor, "neighbours")))))
    return [
        LOOPBACK,
        _REPLIES,
        *([_UNTRACKED] if resolved.enforcement.untracked else []),
        f'{_OLDER} accept comment "{table_names.OLDER_COMMENT}"',
        *_without_sets(parts),
    ]


def forwarded_fail_safe(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules of the fail-safe table for what containers send out."""
    return [
        _REPLIES,
        *([_UNTRACKED_FORWARDED] if resolved.enforcement.untracked else []),
        *_without_sets([part for part in openings(resolved) if part.containers]),
    ]


def _without_sets(parts: Sequence[FloorOpening]) -> list[str]:
    by_host = [part for part in parts if part.by_host]
    return [
        *(f'{match} accept comment "{part.part}"' for part in parts for match in _matches(part, _literal)),
        *(f'{match} accept comment "{part.part}"' for part in by_host for match in _matches(part, _resolvers)),
    ]


def _literal(part: FloorOpening, version: int) -> str:
    elements = part.addresses.elements(version)
    return matches.anonymous_set(elements) if elements else ""


def _resolvers(_part: FloorOpening, version: int) -> str:
    return matches.in_set(table_names.RESOLVERS, version)


def _in_set(part: FloorOpening, version: int) -> str:
    if not part.named:
        return _literal(part, version)
    has_set = part.addresses.family(version) or part.by_host
    return matches.in_set(_set_name(part), version) if has_set else ""


def _matches(part: FloorOpening, operand: Callable[[FloorOpening, int], str] = _in_set) -> Iterator[str]:
    """Yield the matches of one line. operand: gives the destinations of one IP version, "" for none."""
    for version, family in matches.FAMILIES.items():
        destinations = operand(part, version)
        if not destinations:
            continue
        everything = part.addresses.family(version) == EVERYTHING.family(version)
        to = [] if everything else [f"{family} daddr {destinations}"]
        if everything and part.addresses != EVERYTHING:
            to = [f"meta nfproto ipv{version}"]
        for shape in matches.service_matches(part.services, version):
            source = [] if part.from_port is None else [f"{shape.split()[0]} sport {part.from_port}"]
            yield " ".join([*source, shape, *to])


def _set_name(part: FloorOpening) -> str:
    return table_names.entry_set("floor", part.part)
