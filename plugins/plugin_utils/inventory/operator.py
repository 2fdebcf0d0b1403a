# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's variables: those of a host without its facts, which are what the host says about itself.

Ansible puts facts (of gathering, of any module's result, of ``set_fact`` with ``cacheable``, of a fact cache) between
the inventory and the play: a fact replaces an inventory variable of the same name. A policy must not have such values.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ansible.vars.hostvars import HostVars

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyError

NAMESPACE = "ansible_facts"
PREFIX = "egress_"
ADDRESS = "ansible_host"
FIX = (
    "write the value into the inventory, group_vars or host_vars; remove the fact: ansible-playbook --flush-cache, "
    "and set_fact without cacheable"
)


class _HiddenFacts:
    """A fact cache that seems empty, for ansible-core's VariableManager. hidden: the cache behind it."""

    def __init__(self, hidden: Any) -> None:
        self.hidden = hidden

    def get(self, _host: str, _default: object = None) -> dict[str, Any]:
        """Return no facts."""
        return {}


class OperatorHostVars:
    """Ansible's ``hostvars`` without facts, and the facts apart.

    ansible-core has no public way to leave facts out (2.17 to 2.21), so this copies its VariableManager with a fact
    cache that seems empty. hostvars: Ansible's, or ``without`` of such an object, or a plain mapping. without: a
    mapping of the same kind without facts.
    """

    def __init__(self, hostvars: Mapping[str, Any]) -> None:
        self._hostvars = hostvars
        self.without: Mapping[str, Any] = hostvars
        manager: Any = getattr(hostvars, "_variable_manager", None)
        self._cache = getattr(manager, "_fact_cache", None)
        if isinstance(self._cache, _HiddenFacts):
            self._cache = self._cache.hidden
        elif self._cache is not None:
            manager = copy.copy(manager)
            manager._loader = hostvars._loader  # type: ignore[attr-defined]  # noqa: SLF001  # 2.17 and 2.18 do not copy it
            manager._fact_cache = _HiddenFacts(self._cache)  # noqa: SLF001
            self.without = HostVars(hostvars._inventory, manager, hostvars._loader)  # type: ignore[attr-defined]  # noqa: SLF001

    @property
    def is_ansible(self) -> bool:
        """Whether the variables are ansible-core's own object, not a plain mapping."""
        return self._cache is not None

    def of(self, host: str) -> Mapping[str, Any]:
        """Return the templated variables of a host."""
        variables: Mapping[str, Any] = self.without[host]
        if self._cache is not None or NAMESPACE not in variables:
            return variables
        facts = self.facts(host)
        return {name: value for name, value in variables.items() if name not in facts and name != NAMESPACE}

    def facts(self, host: str) -> Mapping[str, Any]:
        """Return what the host said, by the names that a play sees."""
        if self._cache is not None:
            try:
                return _mapping(self._cache.get(host))
            except KeyError:
                return {}
        variables = _mapping(self._hostvars.get(host))
        return _mapping(variables[NAMESPACE]) if NAMESPACE in variables else {}

    def of_task(self, task: Any, host: str) -> Mapping[str, Any]:
        """Return the raw variables of a task; {} for a plain mapping."""
        if self._cache is None:
            return {}
        manager, inventory = self.without._variable_manager, self.without._inventory  # type: ignore[attr-defined]  # noqa: SLF001
        variables: Mapping[str, Any] = manager.get_vars(
            play=task.get_play(), host=inventory.get_host(host), task=task, include_hostvars=False
        )
        return variables

    def of_other_hosts(self, task: Any, variables: Mapping[str, Any]) -> Callable[[str], dict[str, Any]]:
        """Return a function from a host to the variables that a running task would have on it.

        variables: what operator_variables returns for the task.
        """
        own = self.of_task(task, str(variables["inventory_hostname"]))
        # What Ansible adds when it runs a task, such as ansible_search_path, is the same for each host.
        added = {name: value for name, value in variables.items() if name not in own}
        return lambda host: _without_facts({**added, **self.of_task(task, host)}, self)


def operator_variables(task_vars: Mapping[str, Any], task: Any) -> dict[str, Any]:
    """Return the variables of a running task as the operator wrote them: no facts, also not in ``hostvars``.

    A variable of the operator that a fact of the same name replaces has its own value again.
    """
    variables = dict(task_vars)
    if not isinstance(task_vars.get("hostvars"), Mapping):
        return variables
    hostvars = OperatorHostVars(task_vars["hostvars"])
    host = str(task_vars["inventory_hostname"])
    replaced = [name for name in hostvars.facts(host) if name in variables]
    own = hostvars.of_task(task, host) if replaced else {}
    for name in replaced:
        if name in own:
            variables[name] = own[name]
        else:
            del variables[name]
    return _without_facts(variables, hostvars)


def _without_facts(variables: Mapping[str, Any], hostvars: OperatorHostVars) -> dict[str, Any]:
    """Return variables without the namespaces of facts, also in ``hostvars`` and ``vars``."""
    left = {name: value for name, value in variables.items() if name not in (NAMESPACE, "ansible_local")}
    left["hostvars"] = hostvars.without
    if "vars" in left:
        left["vars"] = dict(left)
    return left


def fact_errors(task_vars: Mapping[str, Any]) -> list[PolicyError]:
    """Return an error for each ``egress_*`` name among the facts of the task's host. task_vars: the operator's."""
    host = str(task_vars["inventory_hostname"])
    facts = OperatorHostVars(task_vars["hostvars"]).facts(host)
    return [fact_error(host, name) for name in sorted(map(str, facts)) if name.startswith(PREFIX)]


def fact_error(host: str, name: str) -> PolicyError:
    """Return the error for a policy variable that a host said itself. name: of the variable."""
    return PolicyError(name, f"comes from facts of the host {host}, and a policy is the operator's word alone", FIX)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
