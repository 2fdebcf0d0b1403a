# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say a host's policy in the words of another enforcement point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.origins import origins_in
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.variables import policy_variables
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import hosts, registry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Target


class ActionModule(ActionBase):
    """Runs on the controller only; egress_units makes one thing of what the hosts of a unit have in common."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the host's part as `rendered`; never changed."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {"target": {"type": "str", "required": True}, "tier": {"type": "str"}}
        )
        try:
            target = registry.target(given["target"])
            rendered = self._rendered(target, host_policy(self, variables, given["tier"]), variables)
        except policy.PolicyErrors as errors:
            told = [asdict(error) for error in errors.errors]
            return {**result, "failed": True, "msg": str(errors), "errors": told}
        return {**result, "changed": False, "rendered": rendered}

    def _rendered(self, target: Target, resolved: policy.Resolved, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {name: task_vars[name] for name in (*hosts.VARIABLES, target.variable) if name in task_vars}
        variables = policy_variables(wanted, self._templar.template)
        world = InventoryWorld(self._loader, task_vars)
        try:
            found = addresses.union(addresses.parse(text) for text in world.addresses(world.host))
        except addresses.AddressError as error:
            raise policy.PolicyErrors((policy.PolicyError("egress_addresses", str(error)),)) from error
        return hosts.describe(resolved, target, variables, found, origins_in(variables, task_vars))
