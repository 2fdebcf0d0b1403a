# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer whether a host may reach a destination, and by which entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.explain import Question, explain
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import HOST_KINDS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import known, names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.words import RANKS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ANY
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS

# The question is read as a policy test of the host, so that it knows every word, list and service of the policy.
_VARIABLE, _TEST = "egress_tests_of_explain", "the-question"
_PLACES = {
    "reach": "egress_explain_to",
    "services": "egress_explain_service",
    "user": "egress_explain_user",
    "unit": "egress_explain_unit",
}


class ActionModule(TidegateAction):
    """Runs on the controller only."""

    _requires_connection = False
    ARGUMENTS = {
        "to": {"type": "list", "elements": "str", "required": True},
        "service": {"type": "list", "elements": "str", "default": ["any"]},
        "user": {"type": "str"},
        "unit": {"type": "str"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Print the answer and return it; the answer no is not a failure."""
        world = self.world()
        named = {text: name for text in arguments["to"] if (name := names.exact(text)) and not _is_of(world, text)}
        several = [text for text in arguments["to"] if _is_several_names(world, text)]
        if several:
            fix = "ask for one of them, such as www.example.com"
            raise PolicyErrors(
                tuple(PolicyError(_PLACES["reach"], f'"{text}" is several names', fix) for text in several)
            )
        written = {
            "name": _TEST,
            "reach": [_destination(world, text) for text in arguments["to"] if text not in named] or ["any"],
            "services": arguments["service"],
        }
        resolved = self._policy({**written, **{key: arguments[key] for key in ("user", "unit") if arguments[key]}})
        asked = next((test for test in resolved.tests if test.name == _TEST), None)
        question = Question(
            to=asked.addresses if asked and len(named) < len(arguments["to"]) else NOTHING,
            services=asked.services if asked else ANY,
            user=arguments["user"],
            unit=arguments["unit"],
            names=tuple(named.values()),
        )
        answer = explain(resolved, question, {name: target.can for name, target in TARGETS.items()})
        for line in answer.lines:
            self.say_lines([line])
        return {"answer": answer.answer, "lines": list(answer.lines), "entries": list(answer.entries)}

    def _policy(self, question: Mapping[str, Any]) -> ResolvedPolicy:
        """Return the host's policy with the question among its tests. Raise PolicyErrors, also about the question."""
        try:
            return self.policy(preview=Preview(), variables={**self.variables, _VARIABLE: [question]})
        except PolicyErrors as errors:
            raise PolicyErrors(tuple(replace(error, where=_place(error.where)) for error in errors.errors)) from errors


def _place(where: str) -> str:
    """Return the parameter that a place in the question is from; any other place as it is."""
    if not where.startswith(_VARIABLE):
        return where
    return next((name for key, name in _PLACES.items() if f".{key}" in where), _PLACES["reach"])


def _is_of(world: InventoryWorld, text: str) -> bool:
    """Return whether a name is a host or a group of the inventory. A pattern would have Ansible warn of every name."""
    return text in world.groups or text in world.groups.get("all", ())


def _is_several_names(world: InventoryWorld, text: str) -> bool:
    """Return whether a destination is a bundle or a wildcard of domain names, which only an entry can have."""
    return text.startswith((known.PREFIX, ".")) or (text.startswith("*.") and not world.hosts(text))


def _destination(world: InventoryWorld, text: str) -> str:
    """Return a destination as a policy writes it; hosts need no `hosts:` here."""
    kind = text.partition(":")[0]
    bare = text not in RANKS and kind not in (*HOST_KINDS, "prefix_list") and text[:1].isalpha() and "::" not in text
    if names.exact(text) and not _is_of(world, text):
        return text
    return f"hosts:{text}" if bare and world.hosts(text) else text
