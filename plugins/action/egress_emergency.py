# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a host for some minutes, close it but for the floor, or end that before its time."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import arguments
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.run import GUARD


class ActionModule(ActionBase):
    """The door: what and how long in, the armed guard out."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the guard's result; its ``guard.seconds`` say when everything is as before."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "state": {"type": "str", "choices": ["open", "close", "end"], "required": True},
                "minutes": {"type": "int"},
                "reason": {"type": "str", "default": ""},
            }
        )
        if given["state"] != "end" and given["minutes"] is None:
            return {**result, "failed": True, "msg": "Say for how many minutes. Nothing was changed."}
        try:
            host = arguments.host_arguments(self, variables)
        except policy.PolicyErrors as errors:
            return {**result, "failed": True, "msg": str(errors)}
        if given["state"] == "end":
            return {**result, **self._end(host, given["reason"], variables)}
        asked = {"phase": "emergency", "emergency": given["state"], "minutes": given["minutes"], **host}
        if given["reason"]:
            asked["what"] = f"emergency: {given['state']}: {given['reason']}"
        return {**result, **self._guard(asked, variables)}

    def _end(self, host: dict[str, Any], reason: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Put the table back that stood before the emergency; without one, nothing is to do."""
        found = self._guard({"phase": "status", **host}, variables)
        now = found.get("status", {}).get("on_trial")
        if found.get("failed") or now is None or now["kind"] != "emergency":
            return found
        what = f"{host['who']} ended it" + (f": {reason}" if reason else "")
        return self._guard({"phase": "reject", "token": now["token"], "what": what, **host}, variables)

    def _guard(self, asked: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._execute_module(module_name=GUARD, module_args=asked, task_vars=variables)
        return found
