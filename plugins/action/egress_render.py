# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a host's policy for another enforcement point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.origins import origins_in
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.variables import policy_variables
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry


class ActionModule(TidegateAction):
    """Runs on the controller only; egress_units combines the hosts of a unit."""

    _requires_connection = False
    ARGUMENTS = {"target": {"type": "str", "required": True}, "tier": {"type": "str"}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the host's part as ``rendered``; never changed."""
        target = registry.target(arguments["target"])
        resolved = self.policy(tier=arguments["tier"])
        names = (*host_contribution.VARIABLES, target.variable)
        raw = {name: self.variables[name] for name in names if name in self.variables}
        variables = policy_variables(raw, self.template)
        world = self.world()
        origins = origins_in(variables, self.variables)
        return {
            "rendered": host_contribution.contribution(
                resolved, target, variables, world.address_set(world.host), origins
            )
        }
