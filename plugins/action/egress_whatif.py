# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge flows that happened by the policies: read the logs once, judge them host by host, report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.groups import spellings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import queries, report
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.answer import answer
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.certain import conditions

PHASES = ("read", "judge", "report", "allowed", "queries")


class ActionModule(TidegateAction):
    """Runs on the controller only, phase by phase; no host is connected to."""

    _requires_connection = False
    ARGUMENTS = {
        "phase": {"type": "str", "required": True, "choices": list(PHASES)},
        "flows": {"type": "raw"},
        "skip_damaged": {"type": "bool", "default": False},
        "logs": {"type": "dict"},
        "answers": {"type": "str"},
        "directory": {"type": "str"},
        "table": {"type": "str", "default": "vpc_flow_logs"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one phase."""
        phases = {
            "read": self._read,
            "judge": self._judge,
            "report": self._report,
            "allowed": self._allowed,
            "queries": self._queries,
        }
        return phases[arguments["phase"]](arguments)

    @property
    def _shared(self) -> Path:
        # One directory per ansible-playbook process, inherited by its workers and removed with it.
        return Path(constants.DEFAULT_LOCAL_TMP) / "tidegate-flows"

    def _read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        declared = sources.parse(arguments["flows"], Path.cwd())
        return {"logs": dataclasses.asdict(read(declared, self._shared, arguments["skip_damaged"]))}

    def _judge(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        resolved = self.policy()
        addresses = self.world().need_addresses(resolved.host)
        return {"answer": answer(resolved, addresses, self._shared), "addresses": sorted(spellings(addresses))}

    def _allowed(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        resolved = self.policy()
        addresses = self.world().need_addresses(resolved.host)
        allowed = [dataclasses.asdict(condition) for condition in conditions(resolved)]
        return {"tier": resolved.tier, "addresses": addresses, "allowed": allowed}

    def _queries(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        made = queries.write(self._of_hosts(arguments["answers"], "allowed"), arguments["table"])
        for notice in made.notices:
            self.warn(notice)
        return {"files": output.write(Path(arguments["directory"]), made.files), "notices": made.notices}

    def _report(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        results = self._of_hosts(arguments["answers"], "answer")
        logs, answers = arguments["logs"], [result["answer"] for result in results.values()]
        known = [*results, *(address for result in results.values() for address in result.get("addresses", ()))]
        strangers = report.strangers(logs["sources"], known)
        text = report.markdown(logs, answers, strangers)
        self.say(text)
        content = {"logs": logs, "hosts": answers, "strangers": strangers}
        files = {"whatif.md": f"{text}\n", "whatif.json": json.dumps(content, indent=1, sort_keys=True) + "\n"}
        written = output.write(Path(arguments["directory"]), files) if arguments["directory"] else []
        return {"rejected": sum(host["rejected_total"]["flows"] for host in answers), "files": written}

    def _of_hosts(self, name: str, key: str) -> dict[str, Any]:
        """Return what an earlier task registered under a name, for each host of the play where it did not fail."""
        results = self.registered(name)
        return {host: result for host, result in results.items() if isinstance(result, Mapping) and key in result}
