# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and apply it on the host; one that is right only answers a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import (
    connection,
    description,
    missing_packages,
    unchanged,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import (
    apply_arguments,
    controller_user,
    preflight_decisions,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.commit_confirm import apply_and_confirm
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.guards import fingerprint
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import packed

ALLOW_REMOVAL = (
    "Nothing was changed. Fix: check the inventory and the lists; if this is intended, run once with "
    "-e egress_max_removed=100."
)

WITHOUT_UNITS = ("no_cgroup_v2", "nft_too_old")
"""Reasons of a host that cannot tell systemd units apart."""
_SHOWN = 3
"""Places that a message names."""


class ActionModule(TidegateAction):
    """Compile the host's policy, have the guard apply it, and confirm the change; install what it needs."""

    ARGUMENTS = {
        "tier": {"type": "str"},
        "package": {"type": "str"},
        "diff": {"type": "str", "choices": ["policy", "full"], "default": "policy"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the guard's result, with ``egress`` (mode, tier, entries, ...) beside it."""
        resolved = self.policy(tier=arguments["tier"])
        request = apply_arguments(resolved, controller_user(self.variables), connection.own_root(self.connection))
        request["preflight"] = preflight_decisions(self.variables, resolved)
        request["digest"] = unchanged.digest(request, fingerprint(resolved))
        right = unchanged.ask(self, request) if resolved.mode != "absent" else None
        request["policy"] = "" if right else packed(resolved)
        outcome = right or apply_and_confirm(self, request, resolved)
        if arguments["package"]:
            outcome = self._with_packages(arguments["package"], outcome, request, resolved)
        if outcome.get("missing_users"):
            # Most of the time daemons that the floor names are missing on every host; report users of entries only.
            named = resolved.named_users()
            outcome["missing_users"] = [user for user in outcome["missing_users"] if user in named]
        if outcome.get("reason") == "too_much_removed":
            # In the policy's words: the engine speaks of its own argument, and has its own fix.
            cause = outcome["msg"].partition(" Fix: ")[0].removeprefix(f"{outcome.get('where', '')}: ")
            outcome["msg"] = f"{cause.replace('max_removed', 'egress_max_removed')} {ALLOW_REMOVAL}"
        if outcome.get("reason") in WITHOUT_UNITS and (places := units_named(resolved)):
            outcome["msg"] += f" Units are named in {', '.join(places)}."
        if self._task.diff:
            outcome["diff"] = self._diff(outcome, resolved, full=arguments["diff"] == "full")
        outcome = {key: value for key, value in outcome.items() if key not in description.POLICIES}
        egress = numbers(resolved)
        findings = outcome.get("preflight") or ()
        if outcome.get("nft_missing"):
            egress["notices"].append(outcome["msg"])
        egress["notices"] += [f"{finding['what']}. {finding['meaning']} Fix: {finding['fix']}" for finding in findings]
        return {**outcome, "egress": egress}

    def _diff(self, outcome: Mapping[str, Any], resolved: policy.ResolvedPolicy, *, full: bool) -> list[Any]:
        """Return the difference of the policy; that of table and files where the policy is the same, or with full."""
        tables = outcome.get("diff") or []
        tables = tables if isinstance(tables, list) else [tables]
        difference = description.as_difference(outcome, resolved)
        return tables if difference is None else [difference, *(tables if full else ())]

    def _with_packages(
        self, package: str, outcome: dict[str, Any], request: Mapping[str, Any], resolved: policy.ResolvedPolicy
    ) -> dict[str, Any]:
        """Install what the host misses and apply the policy; in check mode only report that. Raise ModuleFailed."""
        if outcome.get("reason") == "nft_missing":
            if self.check_mode:
                # Some package modules need in check mode the package that they would install.
                message = f"nft is not installed. This run would install the package {package}, then load the table."
                return {"changed": True, "nft_missing": True, "msg": message}
            missing_packages.install_nft(self, package)
            outcome = {**apply_and_confirm(self, request, resolved), "changed": True}
        # A host that is a namespace has this machine's packages.
        for reason in missing_packages.NEEDED if not connection.own_root(self.connection) else ():
            if outcome.get("reason") == reason:
                missing_packages.install(self, reason, outcome.get("missing_packages"))
                outcome = {**apply_and_confirm(self, request, resolved), "changed": True}
        return outcome


def units_named(resolved: policy.ResolvedPolicy) -> list[str]:
    """Return the first places in the variables that name systemd units, with file and line where they are known."""
    named = [entry for entry in resolved.entries if entry.units] + [
        each for each in resolved.never if each.except_units
    ]
    return [f"{each.origin} {each.where}".strip() for each in named[:_SHOWN]]


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
