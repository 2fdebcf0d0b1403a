# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a host for some minutes, close it except for the floor, or end either early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import host_arguments
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError


class MinutesMissing(ControllerError):
    """An emergency without a length."""

    reason = "bad_request"

    def __init__(self) -> None:
        super().__init__("The option minutes is missing: an emergency needs a length. Nothing was changed.")


class ActionModule(TidegateAction):
    """Run the guard's emergency phase, or roll back the emergency that is pending."""

    ARGUMENTS = {
        "state": {"type": "str", "choices": ["open", "close", "end"], "required": True},
        "minutes": {"type": "int"},
        "reason": {"type": "str", "default": ""},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the guard's result; after ``guard.seconds`` the policy is restored."""
        state, reason = arguments["state"], arguments["reason"]
        if state != "end" and arguments["minutes"] is None:
            raise MinutesMissing
        host = host_arguments(self)
        if state == "end":
            return self._end(host, reason)
        request = {"phase": "emergency", "emergency": state, "minutes": arguments["minutes"], "what": reason, **host}
        return guard.run(self, request)

    def _end(self, host: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """Roll back the emergency; without one there is nothing to do."""
        status = guard.need(self, {"phase": "status", **host}, needed=("status",))
        pending = status["status"]["pending"]
        if pending is None or pending["kind"] != "emergency":
            return status
        what = f"{host['who']} ended it" + (f": {reason}" if reason else "")
        return guard.run(self, {"phase": "reject", "token": pending["token"], "what": what, **host})
