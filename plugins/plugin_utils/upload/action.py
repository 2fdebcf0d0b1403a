# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose large lists come from the controller: one run when the host has them, else they are shipped first."""

from __future__ import annotations

import copy
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from .parcels import FOLDER, SOURCE, Parcel, digest, missing, parcels


class Shipping(ActionBase):
    """The door of one module. MODULE: its name."""

    MODULE = ""
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the module returns."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = copy.deepcopy(self._task.args)
        sources: dict[str, tuple[Parcel, str]] = {}
        try:
            for parcel, path in parcels(arguments):
                local = self._loader.get_real_file(self._find_needle("files", path))
                parcel.address(digest(local))
                sources[parcel.where] = parcel, local
        except (AnsibleError, OSError, ValueError) as error:
            return {**result, "failed": True, "msg": f"{SOURCE}: {error}", "reason": "bad_spec", "where": SOURCE}
        try:
            return {**result, **self._carried(arguments, sources, variables)}
        finally:
            for _parcel, local in sources.values():
                self._loader.cleanup_tmp_file(local)

    def _carried(
        self, arguments: dict[str, Any], sources: dict[str, tuple[Parcel, str]], variables: dict[str, Any]
    ) -> dict[str, Any]:
        outcome: dict[str, Any] = self._execute_module(self.MODULE, arguments, task_vars=variables)
        while missing(outcome) in sources:
            parcel, local = sources.pop(str(missing(outcome)))
            failed = self._hand_over(parcel, local) if self._task.check_mode else self._ship(parcel, local, variables)
            if failed:
                return failed
            outcome = self._execute_module(self.MODULE, arguments, task_vars=variables)
        return outcome

    def _hand_over(self, parcel: Parcel, local: str) -> dict[str, Any]:
        """Put the file where the task's temporary files are, since check mode changes nothing."""
        if self._connection._shell.tmpdir is None:  # noqa: SLF001  # as ansible-core's own actions do
            self._make_tmp_path()
        folder = self._connection._shell.tmpdir  # noqa: SLF001
        remote = self._transfer_file(local, self._connection._shell.join_path(folder, parcel.name))  # noqa: SLF001
        self._fixup_perms2((folder, remote))
        parcel.hand_over(remote)
        return {}

    def _ship(self, parcel: Parcel, local: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Copy the file to its place; returns the failure, if it failed."""
        folder = {"path": FOLDER, "state": "directory", "mode": "0700"}
        made: dict[str, Any] = self._execute_module("ansible.legacy.file", folder, task_vars=variables)
        if made.get("failed"):
            return made
        task = self._task.copy()
        task.args = {"src": local, "dest": f"{FOLDER}/{parcel.name}", "mode": "0600"}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        copied: dict[str, Any] = action.run(task_vars=variables)
        return copied if copied.get("failed") else {}
