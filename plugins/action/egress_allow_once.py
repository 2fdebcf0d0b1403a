# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a host reach one destination for some hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import arguments, once
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.run import GUARD
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy

LISTED = {"type": "list", "elements": "str", "required": True}


class ActionModule(ActionBase):
    """The door: an entry in, elements with a timeout on the host and the YAML that makes it lasting out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return until when (``until``), what was opened (``flows``) and the YAML (``lasting``)."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "to": LISTED,
                "services": LISTED,
                "hours": {"type": "float", "required": True},
                "reason": {"type": "str", "required": True},
                "name": {"type": "str"},
            }
        )
        try:
            host = arguments.host_arguments(self, variables)
            made = once.entry(given, host["who"], datetime.now(UTC))
            # The policy with the entry in it: tiers' ceilings and egress_tests hold for some hours, too.
            resolved = host_policy(self, {**variables, once.VARIABLE: [made]})
            flows = once.flows(resolved, made["name"])
        except policy.PolicyErrors as errors:
            return {**result, "failed": True, "msg": str(errors)}
        except once.OnceError as error:
            return {**result, "failed": True, "msg": f"{error}. Nothing was changed."}
        asked = {
            "phase": "allow",
            "flows": flows,
            "minutes": max(1, round(60 * given["hours"])),
            "what": given["reason"],
            **host,
        }
        outcome = self._execute_module(module_name=GUARD, module_args=asked, task_vars=variables)
        return {**result, **outcome, "flows": flows, "lasting": once.lasting(made)}
