# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's ``egress_*`` variables, templated one by one so that a failing template can be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleError

PREFIX = "egress_"
CONNECTION = ("ansible_port",)
"""Facts about Ansible's own connection that the inbound policy must know."""


class UntemplatableVariable(Exception):
    """A variable whose template failed; ``name`` is the variable, ``str()`` the templating engine's reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} cannot be templated: {reason}")
        self.name = name


def policy_variables(task_vars: Mapping[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the host's flat mapping of policy variables to templated values.

    ``template`` is Ansible's templating function. Raises UntemplatableVariable for the first that cannot be rendered.
    """
    found: dict[str, Any] = {}
    for name in sorted(task_vars):
        if name.startswith(PREFIX) or name in CONNECTION:
            try:
                found[name] = template(task_vars[name])
            except AnsibleError as error:
                raise UntemplatableVariable(name, str(error)) from error
    return found
