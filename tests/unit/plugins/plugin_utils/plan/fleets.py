# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies of one host before and after a change, for the tests of plans."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import (
    EgressPlan,
    HostPolicy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import build
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import TODAY, VARIABLES, entry

PAY = entry(name="pay", to=["203.0.113.0/24"], reason="cards", owner="team-pay")
TEST = {"name": "t", "not_reach": "198.51.100.0/24", "services": "any"}


def policy(**changes: Any) -> HostPolicy:
    variables = {**VARIABLES, **changes}
    return HostPolicy(
        build(
            variables,
            FixedInventory(),
            today=TODAY,
            check_tests=False,
            origins=lambda path: f"group_vars/{path[0]}.yml:{path[-1] if len(path) > 1 else 1}",
        )
    )


def planned(before: dict[str, Any], after: dict[str, Any]) -> EgressPlan:
    return compare({"app1": policy(**before)}, {"app1": policy(**after)}, name="main")
