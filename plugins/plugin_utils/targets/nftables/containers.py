# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that the host forwards for its containers: the chains on the forward hook.

Only packets that come from a container bridge and leave by another interface are compared with the policy. Other
forwarded packets, to published ports and between containers, pass as before, and other tables decide as before.
What comes from a bridge with a source that is not behind it goes no further: to reject it, or to answer it in any other
way, would send what it holds to that source.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import openings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from . import floor
from .matches import Spec


def chains(resolved: ResolvedPolicy) -> list[Spec]:
    """Return SOURCES_CHAIN, FORWARD_CHAIN and CONTAINERS_CHAIN; the latter needs CONTAINERS_ALLOW_CHAIN.

    Each bridge has a rule of its own, because nft 0.9.8 takes no interface wildcard into a set.
    """
    bridges = [f'"{name}"' for name in resolved.container_interfaces]
    return [
        {
            "name": table_names.SOURCES_CHAIN,
            "type": "filter",
            "hook": "prerouting",
            "priority": "filter",
            "policy": "accept",
            "rules": [
                f"iifname {bridge} fib saddr . iif oif missing goto {table_names.DENIED_CHAIN}" for bridge in bridges
            ],
        },
        {
            "name": table_names.FORWARD_CHAIN,
            "type": "filter",
            "hook": "forward",
            "priority": "filter",
            "policy": "accept",
            "rules": [f"iifname {bridge} jump {table_names.CONTAINERS_CHAIN}" for bridge in bridges],
        },
        {
            "name": table_names.CONTAINERS_CHAIN,
            "rules": [
                *_to_containers(resolved),
                *floor.forwarded_connections(resolved),
                *floor.forwarded_rules(openings(resolved)),
                *([f"jump {never_chain(resolved)}"] if resolved.never else []),
                f"jump {table_names.CONTAINERS_ALLOW_CHAIN}",
                f"goto {table_names.DENIED_CHAIN}",
            ],
        },
    ]


def never_chain(resolved: ResolvedPolicy) -> str:
    """Return the chain that compares forwarded packets with egress_never."""
    by_unit = any(never.except_units for never in resolved.never)
    return table_names.CONTAINERS_NEVER_CHAIN if by_unit else table_names.NEVER_CHAIN


def fail_safe(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules by which forwarded packets pass the fail-safe table; none where containers are not filtered."""
    if resolved.containers is None:
        return []
    return [*_to_containers(resolved), *floor.forwarded_fail_safe(resolved)]


def _to_containers(resolved: ResolvedPolicy) -> list[str]:
    comment = f'comment "{table_names.BETWEEN_CONTAINERS_COMMENT}"'
    return [f'oifname "{name}" accept {comment}' for name in resolved.container_interfaces]
