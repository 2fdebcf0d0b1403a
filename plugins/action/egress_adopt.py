# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draft a host's policy from the output rules that it has, and say what those let through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.draft import UNBOUND, Draft, draft
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.sources import source
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import host_policy

LOOK = "tidegate.nftables.egress_preflight"


class ActionModule(ActionBase):
    """The door: one module run on the host, a file on the controller."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the draft, where it was written, and what the rules let through."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {"dest": {"type": "path", "required": True}, "topic": {"type": "str", "default": "adopted"}}
        )
        outcome: dict[str, Any] = self._execute_module(
            module_name=LOOK, module_args={"gather": ["rules"]}, task_vars=variables
        )
        if outcome.get("failed"):
            return {**result, **outcome}
        read = source(outcome["rules"])
        found = self._held(draft(read.tables, outcome["rules"]["unread"]), variables, given["topic"])
        host = str(variables["inventory_hostname"])
        text = page.text(found, host, given["topic"], read.where, live=read.live)
        path = Path(given["dest"]) / f"{host}.yml"
        try:
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            if text != before and not self._task.check_mode:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            return {**result, "failed": True, "msg": f"{path} cannot be written: {error.strerror}. Name another dest."}
        said = [f"{len(found.entries)} entries in {path}, {len(found.held)} held back", *found.said]
        self._display.display("\n".join(f"{host}: {line}" for line in said))
        return {
            **result,
            "changed": text != before,
            "diff": {"before": before, "after": text, "before_header": str(path), "after_header": str(path)},
            "path": str(path),
            "entries": list(found.entries),
            "held": [{"entry": entry, "why": why} for entry, why in found.held],
            "said": list(found.said),
            "unknown": list(found.unknown),
        }

    def _held(self, found: Draft, variables: Mapping[str, Any], topic: str) -> Draft:
        """Return the draft without entries that the host's policy would not take, and say why."""
        base = variables
        if self._errors(base, topic, []):
            others = {name: value for name, value in variables.items() if not name.startswith("egress_")}
            base = {**others, **UNBOUND}
        if not self._errors(base, topic, list(found.entries)):
            return found
        kept, held = list[dict[str, Any]](), list(found.held)
        for entry in found.entries:
            why = self._errors(base, topic, [*kept, entry])
            if why:
                held.append((entry, why))
            else:
                kept.append(entry)
        return replace(found, entries=tuple(kept), held=tuple(held))

    def _errors(self, variables: Mapping[str, Any], topic: str, entries: list[dict[str, Any]]) -> str:
        """Return what the policy with these entries has wrong, "" when nothing."""
        try:
            host_policy(self, {**variables, f"egress_allow_{topic}": entries})
        except policy.PolicyErrors as errors:
            return "; ".join(str(error) for error in errors.errors).replace("\n", " ")
        return ""
