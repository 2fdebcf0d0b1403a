# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tier that a thin role sets, checked against egress_tier and against an earlier role of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy

EARLIER = "__egress_apply"
"""The variable under which the role registers what egress_apply returned."""


def with_tier(variables: Mapping[str, Any], tier: str | None, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy's variables with the tier that a thin role sets; raise PolicyErrors for a second tier.

    tier: None for the host's own ``egress_tier``. task_vars: hold what the role registered before.
    """
    if tier is None:
        return dict(variables)
    declared = variables.get("egress_tier")
    if declared not in (None, tier):
        raise policy.PolicyErrors(
            (
                policy.PolicyError(
                    f"role egress_{tier}",
                    f"sets tier {tier}, but egress_tier of this host is {declared}",
                    f"use the role egress_{declared} or the role egress, or change egress_tier",
                ),
            )
        )
    earlier = task_vars.get(EARLIER)
    before = earlier.get("egress", {}).get("tier") if isinstance(earlier, Mapping) else None
    if before not in (None, "", tier):
        raise policy.PolicyErrors(
            (
                policy.PolicyError(
                    f"role egress_{tier}",
                    f"sets tier {tier}, but tier {before} was applied to this host earlier in this run",
                    "a host has one tier: keep one of the two roles",
                ),
            )
        )
    return {**variables, "egress_tier": tier}
