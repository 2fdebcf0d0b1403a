# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print at the end of the role what the run did, for all hosts of the play together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import module_result
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import ShapeError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import APPLIED
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary.text import summary

RESULT = "__egress_apply"
"""Variable under which the role registers what egress_apply returned."""

COLOURS = {"plain": None, "changed": "yellow", "loud": "bright purple"}


class NotApplied(ControllerError):
    """A run in which nothing of the role was left to do."""

    reason = "not_selected"

    def __init__(self, tags: Sequence[str]) -> None:
        chosen = ", ".join(tags)
        super().__init__(
            f"No policy was applied: --tags {chosen} selects include_role, but no task of the role has these tags. "
            f"Fix: write apply: {{tags: [{chosen}]}} beside name, or use import_role."
        )


class ActionModule(TidegateAction):
    """Runs on the controller only; reads what the role registered for each host of the play so far."""

    _requires_connection = False

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Print the summary and return its lines. Raise NotApplied when --tags selected none of the role's tasks."""
        results = {}
        for host in self._hosts():
            applied = self._applied(host)
            if applied is not None:
                results[host] = applied
        if not results:
            if tags := self._tags_of_include():
                raise NotApplied(tags)
            return {"lines": []}
        lines = summary(results, check=self.check_mode)
        for line in lines:
            self.say_lines([line.text], color=COLOURS[line.tone])
        return {"lines": [line.text for line in lines]}

    def _tags_of_include(self) -> list[str]:
        """Return the tags of this run that selected a dynamic include of the role, and so none of the role's tasks."""
        selected: set[str] = set(self.variables["ansible_run_tags"])
        parent = self._task.get_first_parent_include()
        while parent is not None and parent.statically_loaded:
            parent = parent.get_first_parent_include()
        return sorted(selected & set(parent.tags)) if parent is not None else []

    def _hosts(self) -> list[str]:
        """Return the hosts to report: all of the play, or this one where the strategy ignores run_once."""
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        if strategy in ("free", "host_pinned"):
            return [self.host]
        return list(self.variables["ansible_play_hosts_all"])

    def _applied(self, host: str) -> dict[str, Any] | None:
        """Return what the role registered for a host; one result of another shape must not end the play for all."""
        applied = self.variables["hostvars"][host].get(RESULT)
        if applied is None or (isinstance(applied, Mapping) and applied.get("skipped")):
            return None
        try:
            return module_result(applied, APPLIED)
        except ShapeError as error:
            return {"failed": True, "msg": str(error)}
