# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a policy about flows that really happened: read the logs once, judge them host by host, say what came out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.errors import FlowError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import queries, report
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.answer import answer, spellings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.certain import conditions

PHASES = ("read", "judge", "report", "allowed", "queries")


class ActionModule(ActionBase):
    """Runs on the controller only, phase by phase; no host is connected to."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the phase that is asked for."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "phase": {"type": "str", "required": True, "choices": list(PHASES)},
                "flows": {"type": "raw"},
                "skip_damaged": {"type": "bool", "default": False},
                "taken": {"type": "dict"},
                "answers": {"type": "str"},
                "directory": {"type": "str"},
                "table": {"type": "str", "default": "vpc_flow_logs"},
            }
        )
        try:
            found = getattr(self, f"_{given['phase']}")(given, variables)
        except (FlowError, policy.PolicyErrors) as error:
            return {**result, "failed": True, "msg": str(error)}
        except AddressError as error:
            return {**result, "failed": True, "msg": f"egress_addresses of {variables['inventory_hostname']}: {error}"}
        return {**result, "changed": False, **found}

    @property
    def _shared(self) -> Path:
        # One directory per ansible-playbook process, inherited by its workers and removed with it.
        return Path(constants.DEFAULT_LOCAL_TMP) / "tidegate-flows"

    def _read(self, given: Mapping[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        declared = sources.parse(given["flows"], Path.cwd())
        return {"taken": dataclasses.asdict(read(declared, self._shared, given["skip_damaged"]))}

    def _judge(self, _given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        resolved = host_policy(self, variables)
        addresses = InventoryWorld(self._loader, variables).addresses(resolved.host)
        return {"answer": answer(resolved, addresses, self._shared), "addresses": sorted(spellings(addresses))}

    def _allowed(self, _given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        resolved = host_policy(self, variables)
        addresses = InventoryWorld(self._loader, variables).addresses(resolved.host)
        allowed = [dataclasses.asdict(one) for one in conditions(resolved)]
        return {"tier": resolved.tier, "addresses": addresses, "allowed": allowed}

    def _queries(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        made = queries.write(_of_hosts(variables, given["answers"], "allowed"), given["table"])
        for notice in made.notices:
            self._display.warning(notice)
        return {"files": _write(given["directory"], made.files), "notices": made.notices}

    def _report(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        results = _of_hosts(variables, given["answers"], "answer")
        answers = [result["answer"] for result in results.values()]
        known = [*results, *(address for result in results.values() for address in result.get("addresses", ()))]
        others = report.strangers(given["taken"]["sources"], known)
        text = report.markdown(given["taken"], answers, others)
        self._display.display(text)
        content = {"taken": given["taken"], "hosts": answers, "strangers": others}
        files = {"whatif.md": f"{text}\n", "whatif.json": json.dumps(content, indent=1, sort_keys=True) + "\n"}
        written = _write(given["directory"], files) if given["directory"] else []
        refused = sum(one["refused_total"]["flows"] for one in answers)
        return {"refused": refused, "files": written}


def _of_hosts(variables: Mapping[str, Any], name: str, key: str) -> dict[str, Any]:
    """Return what an earlier task registered under a name, for each host of the play where it did not fail."""
    found = {host: variables["hostvars"][host].get(name) or {} for host in variables["ansible_play_hosts_all"]}
    return {host: result for host, result in found.items() if key in result}


def _write(target: str, files: Mapping[str, str]) -> list[str]:
    directory = Path(target)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_text(content, "utf-8")
    except OSError as error:
        raise FlowError(f"{directory}: cannot be written: {error.strerror}") from error
    return [str(directory / name) for name in files]
