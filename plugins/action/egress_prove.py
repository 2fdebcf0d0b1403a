# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try with real packets whether a host's kernel does what its policy says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.flows import Flow, flows
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.named import first_packets, named_ports
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.prove import probes, proof, tried

PROBE = "tidegate.nftables.egress_probe"


class ActionModule(ActionBase):
    """The door: the policy and a list of flows in, one module run, the differences out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the proof of one host; never changed, never failed for a difference."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "hosts": {"type": "list", "elements": "str", "default": []},
                "ports": {"type": "list", "elements": "int", "default": []},
                "users": {"type": "list", "elements": "str", "default": ["root"]},
                "timeout": {"type": "float", "default": 2.0},
                "send": {"type": "bool", "default": True},
            }
        )
        try:
            resolved = host_policy(self, variables)
        except policy.PolicyErrors as errors:
            return {**result, "failed": True, "msg": str(errors)}
        world = InventoryWorld(self._loader, variables)
        if not given["send"]:
            return {
                **result,
                "changed": False,
                "ports": named_ports(resolved),
                "first_packets": first_packets(resolved),
            }
        destinations = {}
        for host in given["hosts"]:
            try:
                destinations[host] = world.addresses(host)
            except AddressError as error:
                return {**result, "failed": True, "msg": f"egress_addresses of the host {host}: {error}"}
        destinations.pop(world.host, None)
        wanted = flows(destinations, given["ports"], given["users"])
        return {**result, **self._prove(resolved, wanted, given["timeout"], variables)}

    def _prove(
        self, resolved: policy.Resolved, wanted: list[Flow], timeout: float, task_vars: Mapping[str, Any]
    ) -> dict[str, Any]:
        arguments = {"probes": probes(wanted), "timeout": timeout}
        outcome: dict[str, Any] = self._execute_module(module_name=PROBE, module_args=arguments, task_vars=task_vars)
        if outcome.get("failed"):
            return outcome
        return {"changed": False, **proof(resolved, tried(resolved, wanted, outcome["results"]))}
