# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one security group, network policy or file out of what the hosts of each unit have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import files, units

_SHOWN = 300


class ActionModule(ActionBase):
    """Runs on the controller only; reads what egress_render returned for each host of the play."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the units, their files written where a directory is given."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {"renders": {"type": "str", "required": True}, "dir": {"type": "path"}}
        )
        documents = []
        for host in variables["ansible_play_hosts_all"]:
            one = variables["hostvars"][host].get(given["renders"])
            if isinstance(one, Mapping) and one.get("skipped"):
                continue
            if one is None or "rendered" not in one:
                return {
                    **result,
                    "failed": True,
                    "msg": f"{host} was not rendered, so nothing is. Nothing was changed.",
                }
            documents.append(one["rendered"])
        if not documents:
            return {**result, "failed": True, "msg": "No host of the play has a policy (egress_tier is not set)."}
        try:
            built = units.build(documents)
            changes = self._write(built, given["dir"])
        except policy.PolicyErrors as errors:
            told = [asdict(error) for error in errors.errors]
            return {**result, "failed": True, "msg": str(errors), "errors": told}
        except OSError as error:
            return {**result, "failed": True, "msg": f"{error.filename}: {error.strerror}"}
        for unit in built:
            for line in (*unit.differences, *unit.notices):
                self._display.display(f"{unit.name}: {_short(line)}")
        found = {**result, "changed": bool(changes), "units": [asdict(unit) for unit in built]}
        return {**found, "diff": [change.diff() for change in changes], "files": [str(one.path) for one in changes]}

    def _write(self, built: list[units.Built], directory: str | None) -> list[files.Change]:
        if directory is None:
            return []
        changes = files.plan(built, Path(directory).absolute())
        if not self._task.check_mode:
            files.write(changes)
        return changes


def _short(line: str) -> str:
    """What fits on a screen; all of it is in the result."""
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}… (all of it: differences in the result)"
