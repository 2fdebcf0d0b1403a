# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between a host and its policy as sentences."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import INBOUND_CHAIN, TABLE_TEXT
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.wording import region_lines
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import SPACE

from .difference import TOO_MUCH, UNKNOWN, Difference

INBOUND = (
    f"{TABLE_TEXT}: the chain {INBOUND_CHAIN} is not part of this calculation. The role compares it rule by rule: "
    "a run that changes nothing proves that it is as the policy says."
)
SHOWN = 4
"""Groups of addresses that are written out; the rest is counted."""


BEYOND = (
    "eBPF programs of routes, of socket maps, of Netfilter's hooks and of security modules (LSM) are not part of this "
    "calculation: they are not listed here."
)


def not_compared(policy: ResolvedPolicy) -> list[str]:
    """Return a sentence for each part that no calculation covers."""
    if policy.mode == "absent":
        return []
    return [BEYOND] if policy.inbound is None else [INBOUND, BEYOND]


def sentence(difference: Difference) -> str:
    """Return `inet tidegate allows what the policy rejects, for payd: 198.51.100.7 with tcp/443`."""
    users = f", for {', '.join(difference.users)}" if difference.users else ""
    port = f" from source port {difference.source_port}" if difference.source_port is not None else ""
    reasons = f" ({'; '.join(difference.reasons)})" if difference.reasons else ""
    lines = region_lines(difference.region)
    flows = "" if difference.region == SPACE or not lines else f": {'; '.join(lines[:SHOWN])}"
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    fact = "rejects what the policy allows"
    if difference.kind == UNKNOWN:
        fact = "cannot be modelled in full: unknown whether packets pass"
    elif difference.kind == TOO_MUCH:
        fact = "allows what the policy rejects"
    return f"{difference.table} {fact}{users}{port}{flows}{more}{reasons}"
