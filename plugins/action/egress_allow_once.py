# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Allow one destination on a host for some hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import guard, temporary_allow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import host_arguments

_TEXTS = {"type": "list", "elements": "str", "required": True}


class ActionModule(TidegateAction):
    """Check the destination as an entry of the policy, then add elements with a timeout on the host."""

    ARGUMENTS = {
        "to": _TEXTS,
        "services": _TEXTS,
        "hours": {"type": "float", "required": True},
        "reason": {"type": "str", "required": True},
        "unit": {"type": "str"},
        "name": {"type": "str"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return when it ends (``until``), what was opened (``flows``) and the entry as YAML (``lasting``)."""
        host, unit = host_arguments(self), arguments["unit"] or ""
        entry = temporary_allow.entry(arguments, host["who"], datetime.now(UTC))
        # The policy with the entry in it: the tier's ceiling and egress_tests hold for a few hours, too.
        resolved = self.policy(variables={**self.variables, temporary_allow.VARIABLE: [entry]})
        flows = temporary_allow.flows(resolved, entry["name"])
        request = {
            "phase": "allow",
            "flows": flows,
            "unit": unit,
            "minutes": max(1, round(60 * arguments["hours"])),
            "what": arguments["reason"],
            **host,
        }
        outcome = guard.need(self, request, needed=("until",))
        lasting = temporary_allow.lasting(entry)
        whose = f"new connections of {unit}" if unit else "new connections"
        until = f"allowed for {whose} until {outcome['until']}"
        topic = f"egress_allow_{resolved.tier}"
        self.say_lines(
            [f"{self.host}: {until}. To keep it, add this entry to a list such as {topic}:", *lasting.splitlines()]
        )
        return {**outcome, "flows": flows, "lasting": lasting}
