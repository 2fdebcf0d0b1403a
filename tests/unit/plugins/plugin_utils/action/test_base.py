# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action stands on one base: no error is a traceback, no unknown key of a result goes further."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleRuntimeError

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

ACTIONS = sorted(path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py"))


class Probe(TidegateAction):
    """An action that does what a test tells it."""

    ARGUMENTS = {"timeout": {"type": "int", "default": 3}}  # noqa: RUF012  # as the actions have it
    doing: Callable[[Probe, Mapping[str, Any]], dict[str, Any]]

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do it."""
        return type(self).doing(self, arguments)


def run(doing: Callable[[Any, Mapping[str, Any]], dict[str, Any]], returned: Any = None, **args: Any) -> dict[str, Any]:
    """Run the action with the arguments of a task; ``returned`` is what every module on the host returns."""
    task = MagicMock(args=args, async_val=0, check_mode=False, diff=False)
    probe = type("Doing", (Probe,), {"doing": staticmethod(doing)})(
        task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock()
    )
    probe._load_name = "doing"
    probe._execute_module = MagicMock(return_value=returned)
    if isinstance(returned, dict) and "_found_python" in returned:
        probe._discovered_interpreter_key, probe._discovered_interpreter = "discovered_interpreter_python", "/bin/py"
    result: dict[str, Any] = probe.run(task_vars={"inventory_hostname": "app1"})
    return result


def raises(error: ControllerError) -> Callable[[Any, Mapping[str, Any]], dict[str, Any]]:
    def doing(_action: Any, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        raise error

    return doing


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_stands_on_the_base(name: str) -> None:
    loaded = importlib.import_module(f"ansible_collections.tidegate.nftables.plugins.action.{name}")
    assert issubclass(loaded.ActionModule, TidegateAction)
    assert "run" not in vars(loaded.ActionModule)
    assert "_execute_module" not in inspect.getsource(loaded)


def test_what_ansible_does_not_read_is_a_wrong_answer_and_no_connection_that_failed() -> None:
    def answered(error: Exception) -> dict[str, Any]:
        def doing(action: Any, _arguments: Mapping[str, Any]) -> dict[str, Any]:
            action._execute_module = MagicMock(side_effect=error)
            done: dict[str, Any] = action.run_module("egress_guard", {})
            return done

        return run(doing)

    result = answered(AnsibleRuntimeError("Refusing to deserialize an invalid UTF8 string value."))
    assert (result["failed"], result["reason"]) == (True, "bad_result")
    assert "app1: the result of the module egress_guard" in result["msg"]
    with pytest.raises(AnsibleConnectionFailure):
        answered(AnsibleConnectionFailure("no route"))


def test_errors_of_any_room_become_one_failure() -> None:
    errors = policy.PolicyErrors((policy.PolicyError("egress_mode", "is 7", "write observe"),))
    failed = run(raises(errors))
    assert failed["failed"]
    assert failed["reason"] == "bad_policy"
    assert failed["msg"] == "egress_mode: is 7. Fix: write observe. Nothing was changed."
    assert set(failed) == {"failed", "changed", "msg", "reason"}, "each error once: Ansible prints every key"
    assert run(raises(AddressError('"x" is not an IP address')))["reason"] == "bad_address"


def test_arguments_are_checked_and_completed() -> None:
    assert run(lambda _action, arguments: {"got": arguments["timeout"]}, timeout="7")["got"] == 7
    assert run(lambda _action, arguments: {"got": arguments["timeout"]})["got"] == 3
    with pytest.raises(AnsibleError, match="Unsupported parameters"):
        run(lambda _action, _arguments: {}, timeut=7)


def test_what_a_host_adds_to_a_result_goes_no_further() -> None:
    hostile = {
        "changed": True,
        "until": "tomorrow",
        "ansible_facts": {"egress_tier": "database", "egress_addresses": ["8.8.8.8"]},
        "_ansible_facts": {},
        "add_host": {"host_name": "app1"},
    }
    result = run(lambda action, _arguments: action.run_module("egress_guard", {}), hostile)
    assert "ansible_facts" not in result
    assert set(result) <= {"changed", "until", "invocation"}
    assert (result["changed"], result["until"]) == (True, "tomorrow")


@pytest.mark.parametrize("returned", [{"until": ["tomorrow"]}, {"changed": 1}, ["until"], None, "until"])
def test_a_result_of_another_shape_fails_its_host_with_one_message(returned: Any) -> None:
    result = run(lambda action, _arguments: action.run_module("egress_guard", {}), returned)
    assert result["failed"]
    assert result["reason"] == "bad_result"
    assert result["msg"].startswith("app1: the result of the module egress_guard has an unexpected shape: ")


def test_a_missing_key_fails_only_where_an_action_needs_it() -> None:
    def needing(action: Any, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = action.need_module("egress_guard", {}, needed=("until",))
        return result

    assert "until is missing" in run(needing, {"changed": False})["msg"]
    failed = run(needing, {"failed": True, "msg": "This needs root.", "reason": "not_root"})
    assert (failed["failed"], failed["msg"], failed["reason"]) == (True, "This needs root.", "not_root")


def test_the_python_that_ansible_found_is_kept_for_the_next_task() -> None:
    result = run(lambda action, _arguments: action.run_module("egress_guard", {}), {"_found_python": True})
    assert result["ansible_facts"] == {"discovered_interpreter_python": "/bin/py"}
