# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of every action of the collection: arguments in, one result out, no error as a traceback."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleRuntimeError
from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import (
    printable,
    printable_lines,
    printable_values,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError, failure
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview, host_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.operator import operator_variables
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

from .first_host import first_host
from .module_result import module_result, succeeded
from .progress import Item, reported
from .shape import Record, ShapeError
from .shapes import SHAPES

COLLECTION = "tidegate.nftables"


class TidegateAction(ActionBase):
    """What every action does the same way. A subclass sets ARGUMENTS and implements ``act``.

    ARGUMENTS: the argument spec of the task; None where the module itself checks the task's arguments. variables: the
    variables of the task as the operator wrote them, without facts. task_vars: with facts, which only Ansible's own
    functions read.
    """

    TRANSFERS_FILES = False
    ARGUMENTS: ClassVar[Mapping[str, Any] | None] = {}
    variables: Mapping[str, Any]
    task_vars: Mapping[str, Any]

    @abstractmethod
    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the task. arguments: checked. Raise ControllerError to fail the task."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what ``act`` returns, or the failure that stopped it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        self.variables = operator_variables(self.task_vars, self._task)
        arguments: Mapping[str, Any] = self._task.args
        if self.ARGUMENTS is not None:
            _checked, arguments = self.validate_argument_spec(dict(self.ARGUMENTS))
        try:
            outcome = self.act(arguments)
        except policy.PolicyErrors as errors:
            outcome = self._once(errors)
        except ControllerError as error:
            outcome = failure(error)
        # Ansible prints messages and differences as they are.
        return {**result, "changed": False, **printable_values(outcome), **self._interpreter()}

    def _once(self, errors: policy.PolicyErrors) -> dict[str, Any]:
        """Return the failure; of another host of this run that has the very same errors, only where they stand."""
        first = first_host(str(errors), self.host)
        if first == self.host:
            return failure(errors)
        number = len(errors.errors)
        message = f"{count(number, 'error')} in the policy, the same as of {first}. Nothing was changed."
        return {"failed": True, "changed": False, "msg": message, "reason": errors.reason}

    def say(self, text: str, color: str | None = None) -> None:
        """Print a text; what hosts and files put into it is made printable."""
        self._display.display(printable_lines(text), color=color)

    def say_lines(self, lines: Iterable[str], color: str | None = None) -> None:
        """Print texts, each on a line of its own whatever is in it."""
        self._display.display("\n".join(printable(line) for line in lines), color=color)

    def say_aside(self, text: str) -> None:
        """Print a line about the run itself, such as its progress, where it is in nobody's way who reads the output."""
        self._display.display(printable(text), stderr=True)

    def reported(self, items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
        """Yield items, and print how many are done whenever some seconds have passed; see progress.reported."""
        return reported(items, total, what, self.say_aside)

    def say_details(self, text: str) -> None:
        """Print a line about the host with -vv."""
        self._display.vv(printable(text), host=self.host)

    def warn(self, text: str) -> None:
        """Print a warning of one line."""
        self._display.warning(printable(text))

    @property
    def host(self) -> str:
        """The name of the task's host in the inventory."""
        return str(self.variables["inventory_hostname"])

    @property
    def check_mode(self) -> bool:
        """Whether the task runs in check mode."""
        return bool(self._task.check_mode)

    @property
    def connection(self) -> Any:
        """The connection plugin of the task."""
        return self._connection

    def template(self, value: Any) -> Any:
        """Return the value of a variable with its templates filled in; facts are not known in them."""
        return self._templar.copy_with_new_env(available_variables=self.variables).template(value)

    def policy(
        self, *, tier: str | None = None, preview: Preview | None = None, variables: Mapping[str, Any] | None = None
    ) -> policy.ResolvedPolicy:
        """Return the policy of the task's host, see host_policy. variables: the operator's by default."""
        return host_policy(self, self.variables if variables is None else variables, tier, preview)

    def world(self) -> InventoryWorld:
        """Return the inventory as the policy of the task's host sees it."""
        return InventoryWorld(self._loader, self.variables)

    def registered(self, name: str) -> dict[str, Any]:
        """Return, by host of the play, what an earlier task registered as ``name``; None for a host without."""
        hosts = self.variables["ansible_play_hosts_all"]
        return {host: self.variables["hostvars"][host].get(name) for host in hosts}

    def run_module(self, name: str, arguments: Mapping[str, Any], needed: Collection[str] = ()) -> dict[str, Any]:
        """Run a module of the collection on the task's host and return the known keys of its result, failed or not.

        needed: keys that a result which did not fail must have. Raise UnexpectedResult for a result of another shape.
        """
        return self.known_result(name, self.execute(name, arguments), SHAPES[name], needed)

    def execute(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Return what a module of the collection answers. Raise UnexpectedResult for what Ansible does not read."""
        try:
            return self._execute_module(
                module_name=f"{COLLECTION}.{name}", module_args=dict(arguments), task_vars=self.task_vars
            )
        except AnsibleRuntimeError as error:
            # Such as a host that is out of reach. ansible-core 2.19 has none of its own for texts that are no UTF-8.
            if error.__class__ is not AnsibleRuntimeError:
                raise
            raise UnexpectedResult(self.host, name, ShapeError("it", f"is not read: {error}")) from error

    def known_result(self, name: str, raw: Any, shape: Record, needed: Collection[str] = ()) -> dict[str, Any]:
        """Return the known keys of a result of the module ``name``, see module_result. Raise UnexpectedResult."""
        try:
            return module_result(raw, shape, needed)
        except ShapeError as error:
            raise UnexpectedResult(self.host, name, error) from error

    def need_module(self, name: str, arguments: Mapping[str, Any], needed: Collection[str] = ()) -> dict[str, Any]:
        """As run_module; raise ModuleFailed when the module failed."""
        return succeeded(self.run_module(name, arguments, needed))

    def run_action(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run an action of Ansible's own on the task's host and return its result, failed or not."""
        task = self._task.copy()
        task.args = dict(arguments)
        action = self._shared_loader_obj.action_loader.get(
            name,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            result: Mapping[str, Any] = action.run(task_vars=self.task_vars)
        except AnsibleActionFail as error:
            return {"failed": True, "msg": str(error)}
        return result

    def keep_remote_folder(self) -> None:
        """Leave the temporary folder on an unreachable host: removing it would fail and hide the real error."""
        self._cleanup_remote_tmp = False

    def _interpreter(self) -> dict[str, Any]:
        """Return the fact that spares the next task the search for Python; it comes from Ansible, not from a module."""
        key = self._discovered_interpreter_key
        return {"ansible_facts": {key: self._discovered_interpreter}} if key else {}


class UnexpectedResult(ControllerError):
    """A host returned a result that the module never returns."""

    reason = "bad_result"

    def __init__(self, host: str, module: str, error: ShapeError) -> None:
        super().__init__(
            f"{host}: the result of the module {module} has an unexpected shape: {error}. Nothing of it was used. "
            "Fix: check which Python runs modules on this host, and whether the host is compromised."
        )
