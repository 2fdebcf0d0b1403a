# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of all hosts of a play, built by one task in one process. Hosts that mean the same share one build."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol, TypeVar

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.parallel import cores, in_parallel
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

from .host_policy import (
    BuiltPolicy,
    Preview,
    accepted,
    build_policy,
    conflict_errors,
    host_policy,
    run_directory,
    templating,
)
from .literal_variables import is_literal
from .operator import OperatorHostVars, fact_errors
from .variables import CONNECTION, PREFIX
from .world import InventoryWorld

_OF_THE_HOST = ("egress_addresses",)
"""Variables that say something to other hosts' policies and nothing to the host's own."""


@dataclass(frozen=True)
class FleetHost:
    """A host of a fleet, which has a tier.

    resolved: its policy without a host and addresses of its own, the same object for all that share it; None: errors
    say why there is none. own: its addresses.
    """

    name: str
    resolved: policy.ResolvedPolicy | None = None
    own: AddressSet = NOTHING
    errors: tuple[policy.PolicyError, ...] = ()


Item = TypeVar("Item")


class Progress(Protocol):
    """Passes items through and reports now and then how many of a total there were; see TidegateAction.reported."""

    def __call__(self, items: Iterable[Item], total: int, what: str, /) -> Iterator[Item]:
        """Yield the items."""


def _silent(items: Iterable[Item], _total: int, _what: str) -> Iterator[Item]:
    return iter(items)


def fleet_hosts(
    action: ActionBase,
    task_vars: Mapping[str, Any],
    hosts: Sequence[str],
    preview: Preview | None,
    *,
    progress: Progress = _silent,
    processes: int | None = None,
) -> Iterator[FleetHost]:
    """Yield each of these hosts that has a tier, in their order.

    action: of the task that runs for all of them. task_vars: its own, the operator's, see operator_variables.
    processes: that build policies at once; by default one a core.
    """
    variables_of = OperatorHostVars(task_vars["hostvars"]).of_other_hosts(action._task, task_vars)  # noqa: SLF001
    keys, different = PolicyKeys(), dict[Hashable, dict[str, Any]]()
    members: list[tuple[str, Hashable, tuple[policy.PolicyError, ...]]] = []
    for host in progress(hosts, len(hosts), "hosts have their variables"):
        variables = variables_of(host)
        if variables.get("egress_tier") is None:
            continue
        if errors := tuple(fact_errors(variables)):
            members.append((host, None, errors))
            continue
        key = keys.of(action, variables)
        different.setdefault(key, variables)
        members.append((host, key, conflict_errors(action, variables)))

    def build(variables: Mapping[str, Any]) -> BuiltPolicy:
        resolved, errors = build_policy(action, variables, None, preview)
        return replace(resolved, host="", own=NOTHING) if resolved else None, errors

    answers = in_parallel(build, list(different.values()), processes or cores())
    built = dict(zip(different, progress(answers, len(different), "policies are built"), strict=True))
    world = InventoryWorld(action._loader, task_vars, run_dir=run_directory())  # noqa: SLF001
    for host, key, errors in members:
        try:
            resolved = accepted(built.get(key, (None, ())), errors)
            yield FleetHost(host, resolved, policy.own_addresses(world, host))
        except policy.PolicyErrors as all_errors:
            yield FleetHost(host, errors=all_errors.errors)


def drafted_policies(
    action: ActionBase, task_vars: Mapping[str, Any]
) -> Callable[[str, Mapping[str, Any]], policy.ResolvedPolicy]:
    """Return a function that builds the policy of a host with variables in addition, as if they were written.

    Arguments: as of fleet_hosts. It raises PolicyErrors.
    """
    # Ansible calculates all variables of a host each time.
    variables_of = cache(OperatorHostVars(task_vars["hostvars"]).of_other_hosts(action._task, task_vars))  # noqa: SLF001

    def build(host: str, added: Mapping[str, Any]) -> policy.ResolvedPolicy:
        resolved = host_policy(action, {**variables_of(host), **added}, preview=Preview())
        return replace(resolved, host="", own=NOTHING)

    return build


class PolicyKeys:
    """What the policies of hosts are built from: equal keys, equal policies.

    Ansible reads a file of variables once and gives each host the same objects, so that what is the same object is the
    same value from the same place, whatever is in it. Values with templates are compared as well when they are
    templated.
    """

    def __init__(self) -> None:
        self._literal: dict[int, tuple[Any, bool]] = {}

    def of(self, action: ActionBase, task_vars: Mapping[str, Any]) -> Hashable:
        """Return the key of a host; one of its own where a value cannot be templated."""
        template = templating(action, task_vars)
        try:
            values = [
                (name, id(value), "" if self._is_literal(value) else repr(template(value)))
                for name, value in task_vars.items()
                if (name.startswith(PREFIX) or name in CONNECTION) and name not in _OF_THE_HOST
            ]
        except AnsibleError:
            return str(task_vars["inventory_hostname"])
        return task_vars.get("inventory_dir"), tuple(sorted(values))

    def _is_literal(self, value: Any) -> bool:
        """Return whether a value is the same for each host. A value that is kept here keeps its id."""
        if id(value) not in self._literal:
            self._literal[id(value)] = value, is_literal(value)
        return self._literal[id(value)][1]
