# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor in nft: traffic that no policy closes by accident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import FloorOpening
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING

from . import matches
from .matches import Spec

# Also what leaves by lo may go elsewhere: it keeps its route when its destination is rewritten, or is bound to lo.
LOOPBACK = (
    'oifname "lo" fib daddr type { local, broadcast, multicast, anycast } accept'
    f' comment "{table_names.LOOPBACK_COMMENT}"'
)
_REPLIES = f'ct state established,related accept comment "{table_names.REPLIES_COMMENT}"'
# Packets in the direction that opened the connection are compared with the policy one by one.
_ONLY_REPLIES = f'ct state established,related ct direction reply accept comment "{table_names.REPLIES_COMMENT}"'
_UNTRACKED = f'ct state untracked accept comment "{table_names.UNTRACKED_COMMENT}"'
# A connection older than connection tracking looks new; only the missing SYN flag shows that it is not. Without this
# rule the first apply cuts sessions in which this host sends the next packet, perhaps the one that applies the policy.
_OLDER = "tcp flags & (fin | syn | rst | ack) != syn accept"

# Packets of no known connection are denied before any entry is compared.
_INVALID = f"ct state invalid goto {table_names.DENIED_CHAIN}"


def open_connections(resolved: ResolvedPolicy, kept: str | None = None) -> list[str]:
    """Return the rules for packets of open connections, and the one for packets of none.

    kept: a match for connections older than connection tracking that stay open even where every packet is compared
    with the policy; None for none.
    """
    enforcement = resolved.enforcement
    rules = [_ONLY_REPLIES if enforcement.recheck else _REPLIES]
    if enforcement.untracked:
        rules.append(_UNTRACKED)
    if "older-connections" in resolved.floor and not enforcement.recheck:
        rules.append(f'{_OLDER} comment "{table_names.OLDER_COMMENT}"')
    elif "older-connections" in resolved.floor and kept is not None:
        rules.append(f'{kept} {_OLDER} comment "{table_names.OLDER_ANSIBLE_COMMENT}"')
    return [*rules, _INVALID]


def sets(parts: Iterable[FloorOpening]) -> list[Spec]:
    """Return the sets of the destinations that differ from policy to policy."""
    return [
        spec
        for part in parts
        if part.named
        for spec in matches.address_sets(_set_name(part), part.addresses, "resolvers" if part.by_host else "")
    ]


def rules(parts: Iterable[FloorOpening]) -> list[str]:
    """Return the rules that accept these parts of the floor."""
    return [
        f'{match} {"counter " if part.counted else ""}accept comment "{part.part}"'
        for part in parts
        for match in _matches(part)
    ]


def _matches(part: FloorOpening) -> Iterator[str]:
    for version, family in matches.FAMILIES.items():
        if not (part.addresses.family(version) or part.by_host):
            continue
        to = []
        if part.named:
            to = [f"{family} daddr {matches.in_set(_set_name(part), version)}"]
        elif part.addresses.family(version) != EVERYTHING.family(version):
            to = [f"{family} daddr {matches.anonymous_set(part.addresses.elements(version))}"]
        for shape in matches.service_matches(part.services, version):
            source = [] if part.from_port is None else [f"{shape.split()[0]} sport {part.from_port}"]
            yield " ".join([*source, shape, *to])


def _set_name(part: FloorOpening) -> str:
    return table_names.entry_set("floor", part.part)
