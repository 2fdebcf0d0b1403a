# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers of the host send through it, in nft: on the forward hook, in a table of our own.

Only what comes from their bridges and leaves by another way is looked at. Everything else that is forwarded, to
published ports and between containers, passes as it did; so does all that other tables decide.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved

from . import floor
from .matches import Spec

ALLOW = "egress_containers_allow"
"""The chain of the entries."""


def chains(resolved: Resolved) -> list[Spec]:
    """The chains egress_forward (the hook) and egress_containers, which needs the chain ALLOW.

    A rule for each bridge: nft 0.9.8 takes no wildcard into a set.
    """
    bridges = [f'"{name}"' for name in resolved.container_interfaces]
    return [
        {
            "name": "egress_forward",
            "type": "filter",
            "hook": "forward",
            "priority": "filter",
            "policy": "accept",
            "rules": [f"iifname {bridge} jump egress_containers" for bridge in bridges],
        },
        {
            "name": "egress_containers",
            "rules": [
                *(f'oifname {bridge} accept comment "between containers"' for bridge in bridges),
                *floor.open_connections(resolved),
                "jump egress_floor",
                *(["jump egress_never"] if resolved.never else []),
                f"jump {ALLOW}",
                "goto egress_denied",
            ],
        },
    ]
