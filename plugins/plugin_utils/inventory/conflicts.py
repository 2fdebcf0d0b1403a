# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same variable in two unrelated groups of one host: Ansible silently keeps one value, a policy must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.inventory.group import Group
from ansible.inventory.helpers import sort_groups
from ansible.inventory.host import Host
from ansible.parsing.dataloader import DataLoader
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path

PREFIX = "egress_"


@dataclass(frozen=True)
class GroupVariables:
    """A group's own variables, as written; ``ancestors`` are the names of all groups above it."""

    name: str
    ancestors: frozenset[str] = frozenset()
    variables: Mapping[str, Any] = field(default_factory=dict)

    def above(self, other: GroupVariables) -> bool:
        """Return whether the other group is a descendant, whose variables replace this group's."""
        return self.name in other.ancestors


@dataclass(frozen=True)
class Conflict:
    """A variable that the group ``loser`` sets and the unrelated group ``winner`` silently replaces."""

    variable: str
    loser: str
    winner: str


def conflicts(
    groups: Sequence[GroupVariables], effective: Mapping[str, Any], of_host: Mapping[str, Any]
) -> list[Conflict]:
    """Return the values that Ansible would silently drop. Pure.

    groups: one host's groups in Ansible's order, the last one wins. of_host: the variables of the host itself.
    effective: the raw values in force. When a value is not the winning group's, a stronger source (extra vars, a role's
    parameter) decided, as host_vars do, and there is no conflict. Equal values are no conflict either.
    """
    conflicting: list[Conflict] = []
    for name in sorted({name for group in groups for name in group.variables if name.startswith(PREFIX)}):
        setters = [group for group in groups if name in group.variables]
        winner = setters[-1]
        if name in of_host or effective.get(name) != winner.variables[name]:
            continue
        conflicting += [
            Conflict(name, loser.name, winner.name)
            for loser in setters[:-1]
            if loser.variables[name] != winner.variables[name]
            and not any(loser.above(other) for other in setters if other is not loser)
        ]
    return conflicting


def host_conflicts(task_vars: Mapping[str, Any], loader: DataLoader, search_path: Sequence[str]) -> list[Conflict]:
    """Return the conflicts of the running task's host.

    Reads the same sources as ansible-core: the inventory, and group_vars and host_vars beside it, the playbook and the
    roles (search_path: that of the task). An action reaches the inventory through ``hostvars`` only.
    """
    inventory = task_vars["hostvars"]._inventory  # noqa: SLF001  # there is no public way (ansible-core 2.17-2.21)
    host = inventory.get_host(task_vars["inventory_hostname"])
    if host is None:
        return []

    def own(entity: Group | Host) -> dict[str, Any]:
        variables = dict(entity.vars)
        variables.update(get_vars_from_inventory_sources(loader, inventory._sources, [entity], "task"))  # noqa: SLF001
        for path in search_path:
            variables.update(get_vars_from_path(loader, path, [entity], "task"))
        return variables

    groups = [
        GroupVariables(group.name, frozenset(above.name for above in group.get_ancestors()), own(group))
        for group in sort_groups(host.get_groups())
    ]
    return conflicts(groups, task_vars, own(host))
