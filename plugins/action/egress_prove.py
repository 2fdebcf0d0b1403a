# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send real packets from a host and compare what became of them with its policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import ShapeError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_flows import probe_flows
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_inputs import named_ports, server_probes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.proof import probe_results, probes, proof


class ActionModule(TidegateAction):
    """Run the probe module on the host and compare its results with the policy."""

    ARGUMENTS = {
        "hosts": {"type": "list", "elements": "str", "default": []},
        "ports": {"type": "list", "elements": "int", "default": []},
        "users": {"type": "list", "elements": "str", "default": ["root"]},
        "timeout": {"type": "float", "default": 2.0},
        "send": {"type": "bool", "default": True},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proof of one host; never changed, never failed for a difference."""
        resolved = self.policy()
        if not arguments["send"]:
            return {"ports": named_ports(resolved), "first_packets": server_probes(resolved)}
        world = self.world()
        destinations = {host: world.need_addresses(host) for host in arguments["hosts"] if host != world.host}
        packets = probe_flows(destinations, arguments["ports"], arguments["users"])
        request = {"probes": probes(packets), "timeout": arguments["timeout"]}
        outcome = self.need_module("egress_probe", request, needed=("results",))
        if len(outcome["results"]) != len(packets):
            raise ShapeError("results", f"has another length than {len(packets)}: {len(outcome['results'])}")
        return proof(resolved, probe_results(resolved, packets, outcome["results"]))
