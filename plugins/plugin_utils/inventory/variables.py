# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's ``egress_*`` variables, templated one by one so that an error names the variable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyError, PolicyErrors

from .literal_variables import is_literal

PREFIX = "egress_"
CONNECTION = ("ansible_port",)
"""Variables of Ansible's own connection that the inbound policy needs."""
FACTS_ARE_NOT_READ = "define what it uses in the inventory; facts are the host's words and are not read here"


def policy_variables(
    task_vars: Mapping[str, Any], template: Callable[[Any], Any], leave: Collection[str] = ()
) -> dict[str, Any]:
    """Return the host's policy variables with templated values, without those in ``leave``.

    task_vars: without facts. template: Ansible's templating function. Raise PolicyErrors with every variable that
    cannot be templated, also because it reads a fact.
    """
    variables: dict[str, Any] = {}
    errors: list[PolicyError] = []
    for name in sorted(task_vars):
        if (not name.startswith(PREFIX) and name not in CONNECTION) or name in leave:
            continue
        try:
            # Ansible walks through all of a value, which takes as long as to build the policy from it.
            value = task_vars[name]
            variables[name] = value if is_literal(value) else template(value)
        except AnsibleError as error:
            errors.append(PolicyError(name, f"cannot be templated: {error}", FACTS_ARE_NOT_READ))
    if errors:
        raise PolicyErrors(tuple(errors))
    return variables
