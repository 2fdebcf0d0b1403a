# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what a host has and uses with its policy, before the policy is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import (
    NOTE,
    STOP,
    WARN,
    Decisions,
    findings,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import preflight_decisions
from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.advice import advise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.preflight.diagnose import diagnose, name_of, needs_of

_LABELS = {STOP: "STOP ", WARN: "WARN ", NOTE: "NOTE "}


class ActionModule(TidegateAction):
    """Run one module on the host; judge its facts and needs on the controller."""

    ARGUMENTS = None

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the module's result with findings, rejected, yaml and lines beside it; no finding fails the task."""
        outcome = self.need_module("egress_preflight", arguments)
        lines: list[str] = []
        resolved = self._policy_or_note(lines)
        if "facts" in outcome:
            mode = resolved.mode if resolved is not None else str(self.variables.get("egress_mode"))
            judged = findings(outcome["facts"], Decisions(mode, **preflight_decisions(self.variables, resolved)))
            outcome["findings"] = [asdict(finding) for finding in judged]
            lines += [f"{_LABELS[finding.severity]} {finding}" for finding in judged]
        if "needs" in outcome and resolved is not None and resolved.mode != "absent":
            outcome.update(self._diagnosed(resolved, outcome["needs"], lines))
        outcome["lines"] = lines or ["Nothing to fix."]
        if lines:
            self.say_lines([*(f"{self.host}: {line}" for line in lines), *outcome.get("yaml", "").splitlines()])
        return outcome

    def _policy_or_note(self, lines: list[str]) -> policy.ResolvedPolicy | None:
        """Return the host's policy, None when it has errors: facts are useful without a policy."""
        try:
            return self.policy()
        except policy.PolicyErrors as errors:
            lines.append(f"NOTE  needs are not judged, because the policy has errors: {errors}")
            return None

    def _servers(self, variable: str) -> list[str]:
        """Return a list of servers as the operator wrote it."""
        value = self.template(self.variables.get(variable, []))
        return [str(server) for server in (value if isinstance(value, list) else [value])]

    def _diagnosed(
        self, resolved: policy.ResolvedPolicy, needs: list[dict[str, Any]], lines: list[str]
    ) -> dict[str, Any]:
        diagnosis = diagnose(resolved, needs_of(needs))
        servers = {name: self._servers(name) for name in ("egress_dns_servers", "egress_ntp_servers")}
        text = advise(diagnosis.rejected, resolved.tier, servers, partial(name_of, resolved))
        lines += [f"WARN  would be rejected: {need} at {', '.join(need.addresses)}" for need in diagnosis.rejected]
        lines += [f"NOTE  not judged: {need}: {need.unresolved}" for need in diagnosis.unresolved]
        if text:
            lines.append("NOTE  this would allow it:")
        return {
            "rejected": [asdict(need) for need in diagnosis.rejected],
            "unresolved": [asdict(need) for need in diagnosis.unresolved],
            "allowed": diagnosis.allowed,
            "yaml": text,
        }
