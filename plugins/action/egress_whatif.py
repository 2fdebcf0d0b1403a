# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge flows that happened by the policies: read the logs once, judge those of each host, report."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from ansible import constants

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.groups import spellings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import fleet_hosts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import run_directory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.parallel import cores, in_parallel
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import queries, report
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.answer import answer
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.certain import conditions

PHASES = ("read", "report", "allowed", "queries")


@dataclass(frozen=True)
class _Host:
    """A host whose flows are judged. shared: as FleetHost.resolved. known_by: its addresses as logs may spell them."""

    name: str
    shared: ResolvedPolicy
    own: AddressSet
    addresses: list[str]
    known_by: set[str]


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
        begin = monotonic()
        summary = read(declared, self._shared, arguments["skip_damaged"])
        self.say_aside(f"{count(summary.records, 'record')}: read in {monotonic() - begin:.1f} s.")
        return {"logs": dataclasses.asdict(summary)}

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
        begin = monotonic()
        hosts, failures = self._fleet()
        if not hosts and not failures:
            self.say("No host of the play has an egress_tier, so there is no policy to judge flows by.")
            return {"rejected": 0, "files": []}
        if not hosts:
            return _failed(failures)
        answers = list(self.reported(in_parallel(self._judged, hosts, cores()), len(hosts), "hosts are judged"))
        logs = arguments["logs"]
        strangers = report.strangers(logs["sources"], [text for host in hosts for text in (host.name, *host.known_by)])
        text = report.markdown(logs, answers, strangers)
        self.say(text)
        different = count(len({id(host.shared) for host in hosts}), "different policy", "different policies")
        self.say_aside(f"{count(len(hosts), 'host')}, {different}: judged in {monotonic() - begin:.1f} s.")
        content = {"logs": logs, "hosts": answers, "strangers": strangers}
        files = {"whatif.md": f"{text}\n", "whatif.json": json.dumps(content, indent=1, sort_keys=True) + "\n"}
        written = output.write(Path(arguments["directory"]), files) if arguments["directory"] else []
        rejected = sum(host["rejected_total"]["flows"] for host in answers)
        return {"rejected": rejected, "files": written, **(_failed(failures) if failures else {})}

    def _fleet(self) -> tuple[list[_Host], dict[str, list[str]]]:
        """Return the hosts that have a policy, and the errors of the others, each with its hosts."""
        world = InventoryWorld(self._loader, self.variables, run_dir=run_directory())
        hosts, failures = [], dict[str, list[str]]()
        everybody = self.variables["ansible_play_hosts_all"]
        for host in fleet_hosts(self, self.variables, everybody, None, progress=self.reported):
            try:
                if host.resolved is None:
                    raise PolicyErrors(host.errors)
                addresses = world.need_addresses(host.name)
            except PolicyErrors as errors:
                failures.setdefault(str(errors), []).append(host.name)
            else:
                hosts.append(_Host(host.name, host.resolved, host.own, addresses, spellings(addresses)))
        return hosts, failures

    def _judged(self, host: _Host) -> dict[str, Any]:
        return answer(replace(host.shared, host=host.name, own=host.own), host.addresses, self._shared)

    def _of_hosts(self, name: str, key: str) -> dict[str, Any]:
        """Return what an earlier task registered under a name, for each host of the play where it did not fail."""
        results = self.registered(name)
        return {host: result for host, result in results.items() if isinstance(result, Mapping) and key in result}


def _failed(failures: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the failure about hosts without a policy. failures: hosts by the text of their errors."""
    texts = [f"{', '.join(hosts)}: {text}" for text, hosts in failures.items()]
    return {"failed": True, "msg": "\n".join(texts), "reason": PolicyErrors.reason}
