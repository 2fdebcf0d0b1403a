# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of one host, built from the variables of a running task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

from .conflicts import Conflict, host_conflicts
from .operator import fact_errors
from .origins import origins_in
from .tiers import with_tier
from .variables import policy_variables
from .world import InventoryWorld

PREFIX_LISTS = "egress_prefix_lists"

datafiles.load_all()


@dataclass(frozen=True)
class Preview:
    """Build a policy only to read it: no copy of a fetched list is kept, and a failing policy test is no error.

    run_dir, project: directories of another run whose fetched lists and last good copies are used; None for this run's.
    """

    run_dir: str | None = None
    project: str | None = None


BuiltPolicy = tuple[policy.ResolvedPolicy | None, tuple[policy.PolicyError, ...]]


def run_directory() -> str:
    """Return a directory that all workers of this ansible-playbook share and that is removed with it."""
    return str(Path(constants.DEFAULT_LOCAL_TMP) / "tidegate")


def host_policy(
    action: ActionBase, task_vars: Mapping[str, Any], tier: str | None = None, preview: Preview | None = None
) -> policy.ResolvedPolicy:
    """Return the policy of the host that an action runs for, or of another one whose variables these are.

    task_vars: the operator's, see operator_variables. tier: the tier that a thin role sets. preview: build it only to
    read it. Raise PolicyErrors with all errors of the inventory, the prefix lists and the policy together.
    """
    from_facts = fact_errors(task_vars)
    if from_facts:
        raise policy.PolicyErrors(tuple(from_facts))
    return accepted(build_policy(action, task_vars, tier, preview), conflict_errors(action, task_vars))


def conflict_errors(action: ActionBase, task_vars: Mapping[str, Any]) -> tuple[policy.PolicyError, ...]:
    """Return an error for each variable that a host gets from two groups. task_vars: the operator's."""
    conflicts = host_conflicts(task_vars, action._loader, action._task.get_search_path())  # noqa: SLF001
    return tuple(_conflict_error(conflict, str(task_vars["inventory_hostname"])) for conflict in conflicts)


def accepted(built: BuiltPolicy, of_inventory: tuple[policy.PolicyError, ...]) -> policy.ResolvedPolicy:
    """Return a built policy. Raise PolicyErrors with its errors and those of the inventory, if there are any."""
    resolved, errors = built
    errors = (*of_inventory, *errors)
    if resolved is None or (errors and resolved.mode != "absent"):
        raise policy.PolicyErrors(tuple(dict.fromkeys(errors)))
    return resolved


def build_policy(
    action: ActionBase, task_vars: Mapping[str, Any], tier: str | None, preview: Preview | None
) -> BuiltPolicy:
    """Return the policy of a host, None where there is none, and the errors of its variables and prefix lists."""
    try:
        return _build_policy(action, task_vars, tier, preview)
    except policy.PolicyErrors as errors:
        return None, errors.errors


def _build_policy(
    action: ActionBase, task_vars: Mapping[str, Any], tier: str | None, preview: Preview | None
) -> BuiltPolicy:
    """Return what build_policy does. Raise PolicyErrors with all variables that cannot be templated."""
    template = templating(action, task_vars)
    variables = policy_variables(task_vars, template, leave=(PREFIX_LISTS,))
    declared = feeds.template_each(task_vars.get(PREFIX_LISTS), template, AnsibleError)
    if declared is not None:
        variables[PREFIX_LISTS] = declared
    origins = origins_in(variables, task_vars)
    # A playbook of the collection is in the collection's folder, but the inventory is always in the user's project.
    beside = [str(task_vars["inventory_dir"])] if task_vars.get("inventory_dir") else []
    lists = _prefix_lists(action, variables, declared, origins, preview, beside=beside)
    world = InventoryWorld(action._loader, task_vars, lists.resolve, run_directory())  # noqa: SLF001
    try:
        resolved = policy.build(
            with_tier(variables, tier, task_vars),
            world,
            today=datetime.now(UTC).date(),
            origins=origins,
            check_tests=preview is None,
        )
    except policy.PolicyErrors as errors:
        return None, (*lists.errors, *errors.errors)
    return resolved, lists.errors


def templating(action: ActionBase, task_vars: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return Ansible's templating function with these variables."""
    template: Callable[[Any], Any] = action._templar.copy_with_new_env(available_variables=task_vars).template  # noqa: SLF001
    return template


def _prefix_lists(
    action: ActionBase,
    variables: Mapping[str, Any],
    declared: Any,
    origins: Any,
    preview: Preview | None,
    *,
    beside: list[str],
) -> feeds.PrefixLists:
    project = action._loader.get_basedir()  # noqa: SLF001  # ActionBase has no other name for it
    other = preview or Preview()
    return feeds.PrefixLists(
        declared,
        variables.get("egress_prefix_list_cache") or feeds.default_cache_dir(),
        [*action._task.get_search_path(), project, *beside],  # noqa: SLF001
        project_dir=other.project or project,
        run_dir=other.run_dir or run_directory(),
        origins=origins,
        check_mode=action._task.check_mode or preview is not None,  # noqa: SLF001
        accept=variables.get("egress_prefix_list_accept"),
    )


def _conflict_error(conflict: Conflict, host: str) -> policy.PolicyError:
    """Return the error that names the dropped value and how to keep both."""
    fix = (
        "put the host into one of the groups, or decide in its host_vars"
        if conflict.variable == "egress_tier"
        else "name each variable after its group (egress_allow_<group>: these lists are merged), or decide in host_vars"
    )
    return policy.PolicyError(
        conflict.variable,
        f"host {host} gets it from two groups, {conflict.loser} and {conflict.winner}, and Ansible would silently keep "
        f"the value of {conflict.winner}",
        fix,
    )
