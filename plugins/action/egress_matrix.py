# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what every host of the play reached, and fail when any of it is not what the policies say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.report import report


class ActionModule(ActionBase):
    """Runs on the controller only; reads what egress_prove returned for each host of the play."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the table and return its lines."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec({"proofs": {"type": "str", "required": True}})
        proofs: dict[str, Mapping[str, Any]] = {}
        for host in variables["ansible_play_hosts_all"]:
            proof = variables["hostvars"][host].get(given["proofs"])
            if proof is None or "cells" not in proof:
                return {**result, "failed": True, "msg": f"{host} was not tried, so nothing is proven."}
            proofs[host] = proof
        said = report(proofs)
        for line in said.lines:
            self._display.display(line)
        if said.complaint:
            return {**result, "failed": True, "msg": said.complaint}
        return {**result, "changed": False, "lines": said.lines}
