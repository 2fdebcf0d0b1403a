# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold what a host has and uses against its policy, and say it to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import (
    NOTE,
    STOP,
    WARN,
    Wanted,
    findings,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import arguments
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.advice import advise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.diagnose import diagnose, read

MODULE = "tidegate.nftables.egress_preflight"
_TONES = {STOP: "STOP ", WARN: "WARN ", NOTE: "NOTE "}


class ActionModule(ActionBase):
    """The door: one module run, its facts and needs judged on the controller."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result with findings, refused, yaml and lines beside it; fail for no finding."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        outcome: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args=dict(self._task.args), task_vars=variables
        )
        if outcome.get("failed"):
            return {**result, **outcome}
        lines: list[str] = []
        resolved = self._policy(variables, lines)
        if "facts" in outcome:
            mode = resolved.mode if resolved is not None else str(variables.get("egress_mode"))
            found = findings(outcome["facts"], Wanted(mode, **arguments.decided(variables)))
            outcome["findings"] = [asdict(one) for one in found]
            lines += [f"{_TONES[one.severity]} {one}" for one in found]
        if "needs" in outcome and resolved is not None and resolved.mode != "absent":
            outcome.update(self._diagnosed(resolved, outcome["needs"], lines))
        outcome["lines"] = lines or ["nothing to mend"]
        if lines:
            self._display.display("\n".join(f"{variables['inventory_hostname']}: {line}" for line in lines))
        return {**result, **outcome}

    def _policy(self, variables: Mapping[str, Any], lines: list[str]) -> policy.Resolved | None:
        """Return the host's policy, None when there is none yet: facts are worth having without one."""
        try:
            return host_policy(self, variables)
        except policy.PolicyErrors as errors:
            lines.append(f"NOTE  needs are not judged, because the policy has errors: {errors}")
            return None

    @staticmethod
    def _diagnosed(resolved: policy.Resolved, needs: list[dict[str, Any]], lines: list[str]) -> dict[str, Any]:
        diagnosis = diagnose(resolved, read(needs))
        text = advise(diagnosis.refused, resolved.tier)
        lines += [f"WARN  would be refused: {need} at {', '.join(need.addresses)}" for need in diagnosis.refused]
        lines += [f"NOTE  not judged: {need}: {need.unresolved}" for need in diagnosis.unresolved]
        if text:
            lines.append(f"NOTE  this would let it through:\n{text}")
        return {
            "refused": [asdict(need) for need in diagnosis.refused],
            "unresolved": [asdict(need) for need in diagnosis.unresolved],
            "allowed": diagnosis.allowed,
            "yaml": text,
        }
