# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer whether a host may reach a destination, and by which entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.explain import Question, explain
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS


class ActionModule(TidegateAction):
    """Runs on the controller only."""

    _requires_connection = False
    ARGUMENTS = {
        "to": {"type": "str", "required": True},
        "service": {"type": "str", "default": "any"},
        "user": {"type": "str"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Print the answer and return it; the answer no is not a failure."""
        resolved = self.policy(preview=Preview())
        destination = _addresses(self.world(), arguments["to"])
        question = Question(destination, _service(arguments["service"]), arguments["user"])
        answer = explain(resolved, question, {name: target.can for name, target in TARGETS.items()})
        for line in answer.lines:
            self.say_lines([line])
        return {"answer": answer.answer, "lines": list(answer.lines), "entries": list(answer.entries)}


def _addresses(world: InventoryWorld, text: str) -> AddressSet:
    """Return an address, a network, a range, or hosts by name, pattern, group or tier. Raise AddressError."""
    hosts = _hosts(world, text) if text[:1].isalpha() and "::" not in text else ()
    if not hosts:
        return addresses.parse(text)
    destination = addresses.union(world.address_set(host) for host in hosts)
    if not destination:
        raise AddressError(f"{text} has no address; set egress_addresses")
    return destination


def _hosts(world: InventoryWorld, text: str) -> Sequence[str]:
    kind, _colon, name = text.partition(":")
    if kind == "group":
        return world.groups.get(name, ())
    return world.tiers.get(name, ()) if kind == "tier" else world.hosts(text.removeprefix("hosts:"))


def _service(text: str) -> ServiceSet:
    """Return a service as a policy writes it, or a name of the catalogue. Raise ServiceError."""
    try:
        service = services.parse_literal(text)
        return services.expand(services.catalogue(), text) if service is None else service
    except KeyError as error:
        raise services.ServiceError(f'"{text}" is not a service; write PROTOCOL/PORT such as tcp/443') from error
