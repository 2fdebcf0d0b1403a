# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read on a host, typed, and what was found about it, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.wording import region_lines
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Resolved
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE

from .listing import table_of
from .model import UNKNOWN, Finding, Kernel

INBOUND = (
    "inet tidegate: the chain egress_inbound is not calculated with. Only the role compares it, rule by rule: "
    "a run that changes nothing found it as the policy says."
)
SHOWN = 4
"""Groups of addresses that are written out."""


def kernel_of(read: Mapping[str, Any]) -> Kernel:
    """What the module egress_kernel returned. A listing that is none is as good as no listing."""
    tables, unread = [], [(f"{name} of iptables-legacy", "it is no table of nftables") for name in read["legacy"]]
    for one in read["tables"]:
        name = f"{one['family']} {one['name']}"
        if one["error"]:
            unread.append((name, one["error"]))
            continue
        try:
            tables.append(table_of(one["listing"]))
        except (KeyError, TypeError, ValueError) as error:
            unread.append((name, f"its listing cannot be read: {error!r}"))
    return Kernel(tables, read["users"], float(read["now"]), tuple(unread))


def not_compared(resolved: Resolved) -> list[str]:
    """What of a table no calculation is about: these sentences stand beside every answer."""
    if resolved.inbound is None or resolved.mode == "absent":
        return []
    return [INBOUND]


def sentence(found: Finding) -> str:
    """`inet tidegate lets through what the policy refuses, for payd: 198.51.100.7 with tcp/443`."""
    whom = f", for {', '.join(found.users)}" if found.users else ""
    port = f" from source port {found.source_port}" if found.source_port is not None else ""
    why = f" ({'; '.join(found.why)})" if found.why else ""
    lines = region_lines(found.region)
    what = "" if found.region == SPACE or not lines else f": {'; '.join(lines[:SHOWN])}"
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    if found.what == UNKNOWN:
        return f"{found.table}: unknown whether it lets through{whom}{port}{what}{more}{why}"
    policy = "refuses" if found.what == "lets through" else "allows"
    return f"{found.table} {found.what} what the policy {policy}{whom}{port}{what}{more}{why}"
