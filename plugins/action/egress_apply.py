# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and make its kernel equal to it: one module run where it is, else two."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import arguments, connection, run
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy

MEANT = "If this is meant, run once with -e egress_max_removed=100."


def numbers(resolved: policy.Resolved) -> dict[str, Any]:
    """Return the policy in numbers and what its author should know, as the summary reads them."""
    return {
        "mode": resolved.mode,
        "observe": list(resolved.observed()),
        "tier": resolved.tier,
        "entries": len(resolved.entries),
        "internet_entries": len(resolved.reaching_internet()),
        "notices": [str(notice) for notice in resolved.notices],
    }


class ActionModule(ActionBase):
    """The door: variables in, a change on trial and its confirmation out."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"tier"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the guard's result, with ``egress`` (mode, tier, entries, …) beside it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            resolved = host_policy(self, variables, self._task.args.get("tier"))
            who = arguments.controller_user(variables)
            asked = arguments.apply_arguments(resolved, who, connection.own_root(self._connection))
        except policy.PolicyErrors as errors:
            told = [asdict(error) for error in errors.errors]
            return {**result, "failed": True, "msg": str(errors), "errors": told}
        asked["preflight"] = arguments.decided(variables)
        outcome = run.change(self, variables, asked)
        if outcome.get("missing_users"):
            # Of the time daemons that the floor knows most are missing everywhere; only written users are news.
            written = resolved.named_users()
            outcome["missing_users"] = [user for user in outcome["missing_users"] if user in written]
        if outcome.get("reason") == "too_much_removed":
            outcome["msg"] = f"{outcome['msg']} {MEANT}"
        if outcome.get("reason") == "nft_missing":
            outcome = self._without_nft()
        said = numbers(resolved)
        said["notices"] += [f"{one['what']}. {one['meaning']} {one['mend']}" for one in outcome.get("preflight") or ()]
        return {**result, **outcome, "egress": said}

    def _without_nft(self) -> dict[str, Any]:
        """Nft is to be installed before anything can be added; to remove what is there, nobody needs it."""
        doing = "would be installed" if self._task.check_mode else "is installed next"
        return {
            "changed": bool(self._task.check_mode),
            "nft_missing": True,
            "msg": f"nft is not on this host: it {doing}, then the table is loaded.",
        }
