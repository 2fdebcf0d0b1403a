# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and apply it on the host: one module run when nothing changes, else two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import (
    apply_arguments,
    controller_user,
    preflight_decisions,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.commit_confirm import apply_and_confirm

ALLOW_REMOVAL = "Fix: check the inventory; if this is intended, run once with -e egress_max_removed=100."


class ActionModule(TidegateAction):
    """Compile the host's policy, have the guard apply it, and confirm the change."""

    ARGUMENTS = {"tier": {"type": "str"}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the guard's result, with ``egress`` (mode, tier, entries, ...) beside it."""
        resolved = self.policy(tier=arguments["tier"])
        request = apply_arguments(resolved, controller_user(self.variables), connection.own_root(self.connection))
        request["preflight"] = preflight_decisions(self.variables)
        outcome = apply_and_confirm(self, request)
        if outcome.get("missing_users"):
            # Most of the time daemons that the floor names are missing on every host; report users of entries only.
            named = resolved.named_users()
            outcome["missing_users"] = [user for user in outcome["missing_users"] if user in named]
        if outcome.get("reason") == "too_much_removed":
            outcome["msg"] = f"{outcome['msg']} {ALLOW_REMOVAL}"
        if outcome.get("reason") == "nft_missing":
            outcome = self._without_nft()
        egress = numbers(resolved)
        findings = outcome.get("preflight") or ()
        egress["notices"] += [f"{finding['what']}. {finding['meaning']} Fix: {finding['fix']}" for finding in findings]
        return {**outcome, "egress": egress}

    def _without_nft(self) -> dict[str, Any]:
        """Return the result for a host without nft: the role installs it and applies the policy again."""
        action = "would be installed" if self.check_mode else "is installed next"
        return {
            "changed": self.check_mode,
            "nft_missing": True,
            "msg": f"nft is not installed on this host. It {action}, then the table is loaded.",
        }


def numbers(resolved: policy.ResolvedPolicy) -> dict[str, Any]:
    """Return the policy in numbers, with its notices, for the summary."""
    return {
        "mode": resolved.mode,
        "observe": list(resolved.observed()),
        "tier": resolved.tier,
        "entries": len(resolved.entries),
        "internet_entries": len(resolved.reaching_internet()),
        "notices": [str(notice) for notice in resolved.notices],
    }
