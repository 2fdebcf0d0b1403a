# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return to an earlier confirmed policy, with commit-confirm like every other change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import description
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import (
    commit_confirm_arguments,
    host_arguments,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.commit_confirm import apply_and_confirm


class ActionModule(TidegateAction):
    """Have the guard load an earlier policy, and confirm it."""

    ARGUMENTS = {"to": {"type": "str", "default": "1"}, "reason": {"type": "str", "default": ""}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the guard's result with ``confirmation``, see plugin_utils/confirm/commit_confirm.py."""
        request = {
            "phase": "rollback",
            "to": arguments["to"],
            "what": arguments["reason"],
            **host_arguments(self),
            **commit_confirm_arguments(self),
        }
        outcome = apply_and_confirm(self, request)
        if "policy" in outcome:
            verb = "would go " if self.check_mode else ""
            end = "" if outcome.get("changed") else ", which is loaded already"
            self.say_lines(
                [f"{self.host}: {verb}{outcome['policy']}{end}", *(f"  {effect}" for effect in outcome["effects"])]
            )
        return {key: value for key, value in outcome.items() if key not in description.POLICIES}
