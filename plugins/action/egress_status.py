# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of each host of a play, and the table of all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import evidence, output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary import fleet


class ActionModule(TidegateAction):
    """Phase host reads one host, phase report prints what the hosts of the play registered."""

    ARGUMENTS = {
        "phase": {"type": "str", "choices": ["host", "report"], "default": "host"},
        **evidence.ARGUMENTS,
        "results": {"type": "str"},
        "directory": {"type": "str"},
        "fail": {"type": "bool", "default": True},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a phase; never changed. Raise NotOk for a report with hosts that need attention."""
        return self._report(arguments) if arguments["phase"] == "report" else self._host(arguments)

    def _host(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        resolved = self.policy()
        root = resolved.root or connection.own_root(self.connection)
        try:
            state = guard.need(self, {"phase": "status", "root": root}, needed=("status",))["status"]
            seen = guard.need(self, {"phase": "observed", "root": root}, needed=("observed",))["observed"]
        except ModuleFailed as error:
            return {"row": fleet.without_state(resolved, str(error.result.get("msg", "")))}
        return {"row": fleet.row(resolved, state, evidence.of_host(self, resolved, seen, arguments))}

    def _report(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        results = self.registered(arguments["results"])
        rows = [_row(host, result) for host, result in results.items()]
        self.say("\n".join(fleet.table(rows)))
        if arguments["directory"]:
            content = json.dumps({"version": 1, "hosts": rows}, indent=1, sort_keys=True) + "\n"
            output.write(Path(arguments["directory"]), {"status.json": content})
        attention = [row["host"] for row in rows if row["level"] != "ok"]
        if attention and arguments["fail"]:
            raise fleet.NotOk(attention)
        return {"rows": rows, "attention": attention}


def _row(host: str, result: Any) -> dict[str, Any]:
    """Return what a host registered: its row, or why it has none."""
    if not isinstance(result, Mapping) or result.get("unreachable"):
        return fleet.no_data(host)
    return result["row"] if "row" in result else fleet.no_data(host, " ".join(str(result.get("msg", "")).split()))
