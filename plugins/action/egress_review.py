# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Review every entry of the hosts of a play: who wanted it, what uses it, what is overdue."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import ages
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import fleet_hosts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review import formats
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.dismissals import KEEP, dismissals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.entries import (
    FINDINGS,
    HostUsage,
    Times,
    refusals,
    rows,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.usage import of_ledger
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import number

_USED = ("usage", "since", "left_out", "refused")


class Overdue(ControllerError):
    """Entries that somebody should have looked at."""

    reason = "review_overdue"


class ActionModule(TidegateAction):
    """Phase host reads what used the entries of one host, phase report reviews those of all."""

    ARGUMENTS = {
        "phase": {"type": "str", "choices": ["host", "report"], "default": "host"},
        "results": {"type": "str"},
        "keep": {"type": "raw"},
        "unused_days": {"type": "int", "default": int(number("unused_days"))},
        "directory": {"type": "str"},
        "fail": {"type": "bool", "default": True},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a phase; never changed. Raise Overdue for a report with overdue entries."""
        return self._host() if arguments["phase"] == "host" else self._report(arguments)

    def _host(self) -> dict[str, Any]:
        resolved = self.policy()
        root = resolved.root or connection.own_root(self.connection)
        try:
            ledger = guard.need(self, {"phase": "ledger", "root": root}, needed=("ledger",))["ledger"]
        except ModuleFailed as error:
            return {"why": " ".join(str(error.result.get("msg", "")).split())}
        return of_ledger(resolved, ledger)

    def _report(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        fleet = self._fleet()
        used, silent = self._usage(arguments["results"], fleet)
        now = time.time()
        decided = dismissals(arguments["keep"], list(FINDINGS), datetime.now(UTC).date())
        times = Times(now=now, unused_days=arguments["unused_days"], changed=ages.changed)
        entry_rows = rows(fleet, used, times, decided)
        fitting = {(row.name, finding.kind) for row in entry_rows for finding in row.findings}
        unused = [
            f"{KEEP}: nothing is found of {each.entry} that is {each.finding}, so this decision can go"
            for each in decided
            if (each.entry, each.finding) not in fitting
        ]
        review = formats.Review(rows=entry_rows, silent=silent, made=now, unused=unused, refused=refusals(fleet, used))
        self.say_lines(formats.lines(review))
        written: list[str] = []
        if arguments["directory"]:
            written = output.write(Path(arguments["directory"]), formats.files(review))
        overdue = [row.name for row in entry_rows if row.overdue]
        if overdue and arguments["fail"]:
            entries = count(len(overdue), "entry", "entries")
            verb = "is" if len(overdue) == 1 else "are"
            raise Overdue(
                f"{entries} {verb} overdue: {', '.join(overdue)}. Fix: look at each, then remove it, move its date, or "
                f"write into {KEEP} why it stays."
            )
        return {"summary": review.summary, "overdue": overdue, "no_data": silent, "files": written}

    def _fleet(self) -> dict[str, policy.ResolvedPolicy]:
        fleet = {}
        hosts = self.variables["ansible_play_hosts_all"]
        for host in fleet_hosts(self, self.variables, hosts, Preview(), progress=self.reported):
            if host.resolved is None:
                raise policy.PolicyErrors(host.errors)
            fleet[host.name] = host.resolved
        return fleet

    def _usage(self, name: str, fleet: Mapping[str, Any]) -> tuple[dict[str, HostUsage], dict[str, str]]:
        """Return what the hosts registered, and why some have nothing."""
        used, silent = {}, {}
        results = self.registered(name) if name else {}
        for host in fleet:
            result = results.get(host)
            if isinstance(result, Mapping) and "usage" in result:
                used[host] = HostUsage(**{name: result[name] for name in _USED})
            else:
                reason = result.get("why") or result.get("msg") if isinstance(result, Mapping) else ""
                silent[host] = " ".join(str(reason or "gave no answer").split())
        return used, silent
