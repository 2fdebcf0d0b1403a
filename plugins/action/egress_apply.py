# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and make its kernel equal to it, in one module run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.conflicts import (
    Conflict,
    host_conflicts,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.origins import origins_in
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.variables import (
    UntemplatableVariable,
    policy_variables,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import compile_table

ENGINE = "tidegate.nftables.nft_ruleset"
EARLIER = "__egress_apply"
"""The variable under which the role registers this action's result."""


class TierConflict(Exception):
    """A thin role was given to a host that belongs to another tier."""


def with_tier(variables: dict[str, Any], tier: str | None, earlier: object) -> dict[str, Any]:
    """Return the variables with the tier that a thin role names; refuse a second tier for one host.

    ``earlier`` is what the role registered before in this run, if anything.
    """
    before = earlier.get("egress", {}).get("tier") if isinstance(earlier, Mapping) else None
    if tier is None:
        return variables
    named = variables.get("egress_tier")
    if named not in (None, tier):
        raise TierConflict(
            f"The role egress_{tier} sets tier {tier}, but egress_tier of this host is {named}. "
            f"Use the role egress_{named} or the role egress, or change egress_tier. Nothing was changed."
        )
    if before not in (None, tier):
        raise TierConflict(
            f"The role egress_{tier} sets tier {tier}, but tier {before} was applied to this host earlier in this run. "
            "A host has one tier: keep one of the two roles. Nothing was changed."
        )
    return {**variables, "egress_tier": tier}


def numbers(resolved: policy.Resolved) -> dict[str, Any]:
    """Return the policy in numbers and what its author should know, as the summary reads them."""
    return {
        "mode": resolved.mode,
        "tier": resolved.tier,
        "entries": len(resolved.entries),
        "internet_entries": len(resolved.reaching_internet()),
        "notices": [str(notice) for notice in resolved.notices],
    }


def conflict_error(conflict: Conflict, host: str) -> policy.PolicyError:
    """Say what Ansible would drop, and how to have both."""
    cure = (
        "put the host into one of the groups, or decide in its host_vars"
        if conflict.variable == "egress_tier"
        else "give the variables names of their own (egress_allow_<group>: they are merged), or decide in host_vars"
    )
    return policy.PolicyError(
        conflict.variable,
        f"host {host} gets it from two groups, {conflict.loser} and {conflict.winner}, and Ansible would silently keep "
        f"the one of {conflict.winner}",
        cure,
    )


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The door: variables in, one module run out."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"tier"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the engine's result, with ``egress`` (mode, tier, entries, …) beside it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        try:
            resolved = self._resolve(variables)
        except policy.PolicyErrors as errors:
            return {
                **result,
                "failed": True,
                "msg": str(errors),
                "errors": [asdict(error) for error in errors.errors],
            }
        except (TierConflict, UntemplatableVariable) as error:
            return {**result, "failed": True, "msg": str(error)}
        facts = {"egress": numbers(resolved)}
        outcome = self._execute_module(
            module_name=ENGINE, module_args={"tables": [compile_table(resolved)]}, task_vars=variables
        )
        if outcome.get("reason") == "nft_missing":
            outcome = self._without_nft(resolved.mode)
        return {**result, **outcome, **facts}

    def _resolve(self, task_vars: dict[str, Any]) -> policy.Resolved:
        """Return the host's policy; raises PolicyErrors with what the inventory and the policy have wrong together."""
        variables = policy_variables(task_vars, self._templar.template)
        world = InventoryWorld(self._loader, task_vars)
        found = host_conflicts(task_vars, self._loader, self._task.get_search_path())
        dropped = tuple(conflict_error(conflict, world.host) for conflict in found)
        try:
            resolved = policy.build(
                with_tier(variables, self._task.args.get("tier"), task_vars.get(EARLIER)),
                world,
                today=datetime.now(UTC).date(),
                origins=origins_in(variables, task_vars),
            )
        except policy.PolicyErrors as errors:
            raise policy.PolicyErrors(dropped + errors.errors) from errors
        if dropped:
            raise policy.PolicyErrors(dropped)
        return resolved

    def _without_nft(self, mode: str) -> dict[str, Any]:
        """A host without nft has no table: nothing to remove, and nft to install before anything can be added."""
        if mode == "absent":
            return {"changed": False, "nft_missing": False}
        doing = "would be installed" if self._task.check_mode else "is installed next"
        return {
            "changed": bool(self._task.check_mode),
            "nft_missing": True,
            "msg": f"nft is not on this host: it {doing}, then the table is loaded.",
        }
