# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and return it as data, without a look at the host."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Look, host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import plain


class ActionModule(ActionBase):
    """Runs on the controller only; never fails for what is wrong with a policy, which is a part of its answer."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the policy, or what is wrong with it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {"lists_of_run": {"type": "path"}, "lists_of_project": {"type": "path"}}
        )
        answer: dict[str, Any] = {"changed": False, "managed": True, "policy": None, "errors": []}
        if variables.get("egress_tier") is None:
            return {**result, **answer, "managed": False}
        try:
            resolved = host_policy(self, variables, look=Look(given["lists_of_run"], given["lists_of_project"]))
        except policy.PolicyErrors as errors:
            return {**result, **answer, "errors": [str(error) for error in errors.errors]}
        return {**result, **answer, "policy": plain(resolved)}
