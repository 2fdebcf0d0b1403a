# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return the flows of a host as records of one shape, from its ledger or from logs on the controller."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import groups, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import COLUMNS, Recorder


class ActionModule(TidegateAction):
    """Read the ledger of the host, or logs, and judge each flow by the policy of the host."""

    ARGUMENTS = {"logs": {"type": "raw"}, "skip_damaged": {"type": "bool", "default": False}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the records and what they do not include; never changed."""
        return self._ledger() if arguments["logs"] is None else self._logs(arguments)

    def _ledger(self) -> dict[str, Any]:
        resolved = self.policy()
        request = {"phase": "ledger", "root": resolved.root or connection.own_root(self.connection)}
        ledger = guard.need(self, request, needed=("ledger",))["ledger"]
        recorder = Recorder(resolved)
        allowed = ledger["allowed"]
        records = [*recorder.of_ledger(ledger["lines"]), *recorder.of_allowed(allowed["lines"])]
        return {
            "records": records,
            "unreadable": recorder.unreadable,
            "incomplete": ledger["overflow"],
            "allowed": {"since": allowed["since"], "left_out": allowed["left_out"]},
        }

    def _logs(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        declared = sources.parse(arguments["logs"], Path.cwd())
        resolved, recorder = self.policy(), Recorder(self.policy())
        addresses = self.world().need_addresses(resolved.host)
        with tempfile.TemporaryDirectory(prefix="tidegate-flows-", dir=constants.DEFAULT_LOCAL_TMP) as folder:
            summary = read(declared, Path(folder), arguments["skip_damaged"])
            records = list(recorder.of_logs(groups.of_host(resolved.host, addresses, Path(folder), COLUMNS)))
        unreadable = recorder.unreadable + summary.skipped.get("unreadable", 0)
        return {"records": records, "unreadable": unreadable, "incomplete": [], "allowed": None}
