# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say whether a host was observed long enough to enforce there, and by what evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.run import GUARD
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.judge import DEFAULT, judge, minimum
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy


class ActionModule(ActionBase):
    """The door: the policy and one module run in, a verdict with its evidence out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the evidence; never changed, and not failed for a host that is not ready."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec({"minimum": {"type": "str", "default": DEFAULT}})
        try:
            wanted = minimum(given["minimum"])
            resolved = host_policy(self, variables)
        except (ValueError, policy.PolicyErrors) as error:
            return {**result, "failed": True, "msg": str(error)}
        asked = {"phase": "observed", "root": resolved.trial.root or connection.own_root(self._connection)}
        outcome: dict[str, Any] = self._execute_module(module_name=GUARD, module_args=asked, task_vars=variables)
        if outcome.get("reason") == "nft_missing":
            outcome = {"observed": {"confirmed": False, "observes": False}}
        if outcome.get("failed"):
            return {**result, **outcome}
        found = judge(resolved, outcome["observed"], wanted)
        tone = None if found.ready else "yellow"
        self._display.display(f"{variables['inventory_hostname']}: {found.sentence}", color=tone)
        return {**result, "changed": False, "since": outcome["observed"].get("since"), **asdict(found)}
