# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draft a host's policy from the output rules that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.draft import UNBOUND, Draft, draft
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.firewall import firewall
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count


class ActionModule(TidegateAction):
    """Run one module on the host and write one file on the controller."""

    ARGUMENTS = {"dest": {"type": "path", "required": True}, "topic": {"type": "str", "default": "adopted"}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the draft, the path of its file, and sentences about what the rules let through."""
        rules = self.need_module("egress_preflight", {"gather": ["rules"]}, needed=("rules",))["rules"]
        loaded = firewall(rules)
        drafted = self._accepted(draft(loaded.tables, rules["unread"], own=loaded.own), arguments["topic"])
        text = page.text(drafted, self.host, arguments["topic"], loaded.where, live=loaded.live)
        path = Path(arguments["dest"]) / f"{self.host}.yml"
        before = output.read(path)
        if text != before and not self.check_mode:
            output.write(path.parent, {path.name: text})
        entries = count(len(drafted.entries), "entry", "entries")
        lines = [f"{entries} in {path}, {len(drafted.held)} held back", *drafted.sentences]
        self.say_lines(f"{self.host}: {line}" for line in lines)
        return {
            "changed": text != before,
            "diff": {"before": before, "after": text, "before_header": str(path), "after_header": str(path)},
            "path": str(path),
            "entries": list(drafted.entries),
            "held": [{"entry": entry, "why": why} for entry, why in drafted.held],
            "sentences": list(drafted.sentences),
            "unknown": list(drafted.unknown),
        }

    def _accepted(self, drafted: Draft, topic: str) -> Draft:
        """Return the draft with the entries that the host's policy rejects moved to ``held``, each with the reason."""
        base = self.variables
        if self._errors(base, topic, []):
            others = {name: value for name, value in base.items() if not name.startswith("egress_")}
            base = {**others, **UNBOUND}
        if not self._errors(base, topic, list(drafted.entries)):
            return drafted
        kept, held = list[dict[str, Any]](), list(drafted.held)
        for entry in drafted.entries:
            why = self._errors(base, topic, [*kept, entry])
            if why:
                held.append((entry, why))
            else:
                kept.append(entry)
        return replace(drafted, entries=tuple(kept), held=tuple(held))

    def _errors(self, variables: Mapping[str, Any], topic: str, entries: list[dict[str, Any]]) -> str:
        """Return the errors of the policy with these entries as one line, "" when it has none."""
        try:
            self.policy(variables={**variables, f"egress_allow_{topic}": entries})
        except policy.PolicyErrors as errors:
            return "; ".join(str(error) for error in errors.errors).replace("\n", " ")
        return ""
