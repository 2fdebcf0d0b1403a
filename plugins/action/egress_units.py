# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combine what the hosts of each unit have in common into one security group, network policy or file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import render_units, unit_files

_SHOWN = 300
"""Characters of a line that are printed."""


class NotRendered(ControllerError):
    """A host of the play, or every host, has no rendered policy."""

    reason = "not_rendered"


class CollectionMissing(ControllerError):
    """The collection that a task after this one applies the units with is not installed."""

    reason = "collection_missing"


class ActionModule(TidegateAction):
    """Runs on the controller only; reads what egress_render returned for each host of the play."""

    _requires_connection = False
    ARGUMENTS = {"renders": {"type": "str", "required": True}, "dir": {"type": "path"}, "applied_by": {"type": "str"}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the units, with their files written when a directory is set."""
        _require(arguments["applied_by"])
        built = render_units.render_units(self._documents(arguments["renders"]))
        changes = self._write(built, arguments["dir"])
        for unit in built:
            for line in (*unit.differences, *unit.notices):
                self.say_lines([f"{unit.name}: {_short(line)}"])
        return {
            "changed": bool(changes),
            "units": [vars(unit) for unit in built],
            "diff": [change.diff() for change in changes],
            "files": [str(change.path) for change in changes],
        }

    def _documents(self, name: str) -> list[Any]:
        documents = []
        for host, render in self.registered(name).items():
            if isinstance(render, Mapping) and render.get("skipped"):
                continue
            if not isinstance(render, Mapping) or "rendered" not in render:
                raise NotRendered(
                    f"The policy of {host} was not rendered, so no unit is complete. Nothing was changed."
                )
            documents.append(render["rendered"])
        if not documents:
            raise NotRendered(
                "No host of the play has a policy to render. Fix: set egress_tier, and egress_aws for the playbook aws."
            )
        return documents

    def _write(
        self, built: list[render_units.RenderedUnit], directory: str | None
    ) -> Sequence[unit_files.UnitFileChange]:
        if directory is None:
            return []
        with output.errors():
            changes = unit_files.file_changes(built, Path(directory).absolute())
            if not self.check_mode:
                unit_files.write(changes)
        return changes


def _require(collection: str | None) -> None:
    """Raise CollectionMissing when a collection is not installed on the controller."""
    if collection and not _is_installed(collection):
        raise CollectionMissing(
            f"The collection {collection} is not installed, so nothing can be applied. Nothing was changed. "
            f"Fix: ansible-galaxy collection install {collection}"
        )


def _is_installed(collection: str) -> bool:
    try:
        return find_spec(f"ansible_collections.{collection}") is not None
    except ModuleNotFoundError:  # of its namespace
        return False


def _short(line: str) -> str:
    """Return what fits on a screen; the result has the whole line."""
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}... (whole line: differences in the result)"
