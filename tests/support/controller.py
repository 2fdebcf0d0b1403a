# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible controller inside the test: real inventory, variables, facts and templates; hosts that a test answers for.

Only the connection is missing: what a module returns on a host is what a function of the test returns.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import run_directory

Answer = Callable[[str, Mapping[str, Any]], Any]
"""What a module returns: by its name and its arguments."""


class Controller:
    """A project in a directory, with an inventory in YAML. printed: every text that an action displayed."""

    def __init__(self, directory: Path, inventory: Mapping[str, Any]) -> None:
        path = directory / "inventory.yml"
        path.write_text(yaml.safe_dump(dict(inventory)), encoding="utf-8")
        self.loader = DataLoader()
        self.loader.set_basedir(str(directory))
        self.inventory = InventoryManager(self.loader, sources=[str(path)])
        self.variables = VariableManager(self.loader, self.inventory)
        self.hostvars = HostVars(self.inventory, self.variables, self.loader)
        self.printed: list[str] = []

    def run(
        self,
        host: str,
        action: str,
        arguments: Mapping[str, Any] | None = None,
        answer: Answer | None = None,
        connection: str = "ssh",
    ) -> dict[str, Any]:
        """Return the result of a task on a host. answer: of the modules that the action runs. connection: plugin."""
        shutil.rmtree(Path(run_directory()) / "reported", ignore_errors=True)  # each call is a run of its own
        # Only a run of ansible-playbook finds the actions of collections, so the task that is loaded has another one.
        source = {"hosts": "all", "gather_facts": False, "tasks": [{"meta": "noop"}]}
        loaded = Play.load(source, variable_manager=self.variables, loader=self.loader)
        task = loaded.get_tasks()[0][0]
        task.args = dict(arguments or {})
        task_vars = self.variables.get_vars(play=loaded, host=self.inventory.get_host(host), task=task)
        task_vars |= {"hostvars": self.hostvars, "ansible_search_path": [self.loader.get_basedir()]}
        module = importlib.import_module(f"ansible_collections.tidegate.nftables.plugins.action.{action}")
        plugin = MagicMock(transport=connection, ansible_name=connection)
        shared = MagicMock()
        templar = Templar(loader=self.loader, variables=task_vars)
        made = module.ActionModule(task, plugin, MagicMock(), self.loader, templar, shared)
        made._display = MagicMock(display=lambda text, **_how: self.printed.append(text))
        made._display.warning = self.printed.append
        made._execute_module = lambda module_name, module_args, **_how: (answer or _nothing)(
            module_name.rpartition(".")[2], module_args
        )
        result: dict[str, Any] = made.run(task_vars=task_vars)
        return result


def _nothing(_module: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"failed": True, "msg": "This host does not answer."}
