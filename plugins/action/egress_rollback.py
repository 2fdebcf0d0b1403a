# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return to an earlier confirmed policy, on trial like every other change."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import arguments, run


class ActionModule(ActionBase):
    """The door: which policy in, its trial and confirmation out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the guard's result with ``confirmation``, see plugin_utils/confirm/run.py."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {"to": {"type": "str", "default": "1"}, "reason": {"type": "str", "default": ""}}
        )
        try:
            asked = {
                "phase": "rollback",
                "to": given["to"],
                "what": given["reason"],
                **arguments.host_arguments(self, variables),
                **arguments.trial_arguments(self, variables),
            }
        except policy.PolicyErrors as errors:
            return {**result, "failed": True, "msg": str(errors)}
        return {**result, **run.change(self, variables, asked)}
