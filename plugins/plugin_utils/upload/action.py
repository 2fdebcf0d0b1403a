# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module with element files of the controller: one run when the host has the files, else they are uploaded first."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import Record
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.connection import own_root
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

from .element_files import FOLDER, SOURCE, ElementFile, digest, element_files, missing

Local = dict[str, tuple[ElementFile, str]]
"""By the place in the arguments at which the module misses the file: the file and its path on the controller."""


class SourceError(ControllerError):
    """A file of elements on the controller that cannot be used."""

    reason = "bad_spec"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{SOURCE}: {error}")

    def details(self) -> Mapping[str, Any]:
        """Return the option that the error is about."""
        return {"where": SOURCE}


class UploadAction(TidegateAction):
    """Upload the element files that a host does not have, then run the module. MODULE: its name."""

    MODULE = ""
    ARGUMENTS = None

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the module returns."""
        request = copy.deepcopy(dict(arguments))
        local: Local = {}
        try:
            for file, path in element_files(request):
                real = self._loader.get_real_file(self._find_needle("files", path))
                file.use_uploaded(self._folder, digest(real))
                local[file.where] = file, real
        except (AnsibleError, OSError, ValueError) as error:
            raise SourceError(error) from error
        try:
            return self._with_uploads(request, local)
        finally:
            for _file, real in local.values():
                self._loader.cleanup_tmp_file(real)

    @property
    def _folder(self) -> str:
        """The folder of uploaded files: hosts that share the controller's files have one each."""
        return own_root(self._connection) + FOLDER

    def _with_uploads(self, request: dict[str, Any], local: Local) -> dict[str, Any]:
        remaining = dict(local)
        outcome = self.run_module(self.MODULE, request)
        while missing(outcome) in remaining:
            file, real = remaining.pop(str(missing(outcome)))
            if self.check_mode:
                self._copy_for_this_run(file, real)
            else:
                self._upload(file, real)
            outcome = self.run_module(self.MODULE, request)
        return outcome

    def _copy_for_this_run(self, file: ElementFile, real: str) -> None:
        """Copy the file into the task's temporary folder, since check mode changes nothing."""
        if self._connection._shell.tmpdir is None:  # noqa: SLF001  # as ansible-core's own actions do
            self._make_tmp_path()
        folder = self._connection._shell.tmpdir  # noqa: SLF001
        remote = self._transfer_file(real, self._connection._shell.join_path(folder, file.name))  # noqa: SLF001
        self._fixup_perms2((folder, remote))
        file.use_temporary(remote)

    def _upload(self, file: ElementFile, real: str) -> None:
        """Copy the file to its folder on the host. Raise ModuleFailed."""
        folder = {"path": self._folder, "state": "directory", "mode": "0700"}
        self._need("file", self._execute_module("ansible.legacy.file", folder, task_vars=self.task_vars))
        placed = {"src": real, "dest": f"{self._folder}/{file.name}", "mode": "0600"}
        self._need("copy", self.run_action("ansible.legacy.copy", placed))

    def _need(self, name: str, raw: Mapping[str, Any]) -> None:
        # The module file describes its difference in a mapping, where those of this collection have texts.
        result = self.known_result(name, {key: value for key, value in raw.items() if key != "diff"}, Record())
        if result.get("failed"):
            raise ModuleFailed(result)
