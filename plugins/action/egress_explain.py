# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May this host reach that, and who says so? Answered on the controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Look, host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.explain import Question, explain
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the answer and return it; a no is an answer and no failure."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "to": {"type": "str", "required": True},
                "service": {"type": "str", "default": "any"},
                "user": {"type": "str"},
            }
        )
        try:
            resolved = host_policy(self, variables, look=Look())
            world = InventoryWorld(self._loader, variables)
            asked = Question(_addresses(world, given["to"]), _service(given["service"]), given["user"])
        except (policy.PolicyErrors, AddressError, services.ServiceError) as error:
            return {**result, "failed": True, "msg": str(error)}
        answer = explain(resolved, asked, {name: one.can for name, one in TARGETS.items()})
        for line in answer.lines:
            self._display.display(line)
        return {
            **result,
            "changed": False,
            "answer": answer.answer,
            "lines": list(answer.lines),
            "entries": list(answer.entries),
        }


def _addresses(world: InventoryWorld, text: str) -> AddressSet:
    """An address, a network, a range, or hosts by name, pattern, group or tier. Raises AddressError."""
    hosts = _hosts(world, text) if text[:1].isalpha() and "::" not in text else ()
    if not hosts:
        return addresses.parse(text)
    found = addresses.union(addresses.parse(one) for host in hosts for one in world.addresses(host))
    if not found:
        raise AddressError(f"{text} has no address; set egress_addresses")
    return found


def _hosts(world: InventoryWorld, text: str) -> Sequence[str]:
    kind, _colon, name = text.partition(":")
    if kind == "group":
        return world.groups.get(name, ())
    return world.tiers.get(name, ()) if kind == "tier" else world.hosts(text.removeprefix("hosts:"))


def _service(text: str) -> ServiceSet:
    """As a policy writes it, or a name of the catalogue. Raises ServiceError."""
    try:
        found = services.parse_literal(text)
        return services.expand(services.catalogue(), text) if found is None else found
    except KeyError as error:
        raise services.ServiceError(f'"{text}" is no service; write protocol/port such as tcp/443') from error
