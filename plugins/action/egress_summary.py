# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say at the end of the role what the run did, for all hosts of the play so far together."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary.text import summary

RESULTS = ("__egress_apply_again", "__egress_apply")
"""Variables under which the role registers what egress_apply returned, the latest first."""

COLOURS = {"plain": None, "changed": "yellow", "loud": "bright purple"}


class ActionModule(ActionBase):
    """Runs on the controller only; reads what the role registered for each host of the play so far."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS: frozenset[str] = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the summary and return its lines."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        results = {}
        for host in self._hosts(variables):
            applied = self._applied(variables["hostvars"][host])
            if applied is not None:
                results[host] = applied
        lines = summary(results, check=bool(self._task.check_mode))
        for line in lines:
            self._display.display(line.text, color=COLOURS[line.tone])
        return {**result, "changed": False, "lines": [line.text for line in lines]}

    def _hosts(self, variables: dict[str, Any]) -> list[str]:
        """The hosts to report: all of the play, or this one where the strategy knows no run_once."""
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        if strategy in ("free", "host_pinned"):
            return [str(variables["inventory_hostname"])]
        return list(variables["ansible_play_hosts_all"])

    @staticmethod
    def _applied(hostvars: Any) -> Any:
        for name in RESULTS:
            applied = hostvars.get(name)
            if applied is not None and not applied.get("skipped"):
                return applied
        return None
