# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a change to its confirmation, in at most three module runs: apply, confirm over a new connection, ask."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from . import connection as connections

GUARD = "tidegate.nftables.egress_guard"
_PAUSE = 1.0
"""Seconds between two attempts to reach the host."""
_GRACE = 3.0
"""Seconds after the trial's end in which the guard does its work."""
_ASKING = 3
"""How often a host is asked what became of the change when nobody could confirm it."""

Result = dict[str, Any]

_ABANDONED: Result = {
    "failed": True,
    "reason": "abandoned",
    "msg": "The ansible-playbook that began this is gone, and nobody waits for what this worker does.",
}
"""Result of what is not done any more."""

_DECIDED = ("tests_failed", "same_connection", "too_late", "not_pending", "changed_meanwhile")
"""Reasons of a failed confirmation that say that the change is no more on trial."""


@dataclass(frozen=True)
class _Runner:
    """Runs the module on the task's host."""

    action: ActionBase
    variables: Mapping[str, Any]

    def run(self, **arguments: Any) -> Result:
        found: Result = self.action._execute_module(  # noqa: SLF001  # what an action is given to run modules with
            module_name=GUARD, module_args=arguments, task_vars=self.variables
        )
        return found

    @property
    def connection(self) -> Any:
        return self.action._connection  # noqa: SLF001


def change(action: ActionBase, variables: Mapping[str, Any], asked: Mapping[str, Any]) -> Result:
    """Run a phase of egress_guard that puts a change on trial, and confirm it over a new connection.

    Returns the first run's result with ``confirmation`` beside it: None when nothing was on trial, else ``confirmed``,
    ``connection`` (the plugin's name), ``proves`` (whether that passes the host's network), ``tests`` (how many were
    sent), ``broken`` and ``broken_before``. Fails when the change was put back.
    """
    if not _is_wanted():
        return {**_ABANDONED, "changed": False, "confirmation": None}
    runner = _Runner(action, variables)
    began = time.monotonic()
    proves = connections.passes_network(runner.connection)
    first = runner.run(**asked, **({"keep_connection": proves} if asked["phase"] == "apply" else {}))
    guard = first.get("guard")
    if first.get("failed") or not guard:
        return {**first, "confirmation": None}
    # The host's clock runs since somewhere in the first run; the controller's since before it.
    deadline = max(began, time.monotonic() - _PAUSE) + guard["seconds"]
    confirming = {
        "phase": "confirm",
        "token": guard["token"],
        "tests": asked.get("tests"),
        "failing_before": guard["before"],
        "mode": asked.get("mode", "enforce"),
        "root": asked.get("root"),
        "not_over": first.get("connection") if proves else None,
    }
    said = _persistently(lambda: _over_a_new_connection(runner, confirming), deadline)
    if isinstance(said, AnsibleConnectionFailure):
        return _failed(first, _unreachable(runner, guard["token"], asked.get("root"), deadline, said))
    if said.get("failed"):
        if said.get("reason") not in _DECIDED:
            # Nobody decided, for the module itself could not run: better now than when the guard's time has come.
            what = "the controller is gone" if said is _ABANDONED else "the confirmation failed"
            runner.run(phase="reject", token=guard["token"], root=asked.get("root"), what=what)
        return _failed(first, said)
    return {
        **first,
        "confirmation": {
            "confirmed": True,
            "connection": connections.name(runner.connection),
            "proves": proves,
            "tests": len(said["tests"]),
            "broken": said["broken"],
            "broken_before": said["broken_before"],
        },
    }


def _over_a_new_connection(runner: _Runner, confirming: Mapping[str, Any]) -> Result:
    connections.renew(runner.connection)
    return runner.run(**confirming) if _is_wanted() else _ABANDONED


def _is_wanted() -> bool:
    """Whether the ansible-playbook that started this worker still lives.

    Workers lead sessions of their own and outlive one that is killed or loses its terminal. Who ends it means the old
    policy to stay.
    """
    starter = multiprocessing.parent_process()
    return starter is None or starter.pid == os.getppid()


def _persistently(attempt: Callable[[], Result], deadline: float) -> Result | AnsibleConnectionFailure:
    """Try until it works or the time is over: one lost packet more or less must not revert a fleet."""
    while True:
        try:
            return attempt()
        except AnsibleConnectionFailure as error:
            if time.monotonic() + _PAUSE >= deadline:
                return error
            time.sleep(_PAUSE)


def _unreachable(
    runner: _Runner, token: str, root: str | None, deadline: float, error: AnsibleConnectionFailure
) -> Result:
    """Say what became of a change that could not be confirmed, as far as the host can be asked again."""
    time.sleep(max(0.0, deadline + _GRACE - time.monotonic()))
    why = f"After the change the host could not be reached over a new connection: {error}"
    for _attempt in range(_ASKING):
        try:
            connections.renew(runner.connection)
            fate = runner.run(phase="status", token=token, root=root).get("fate")
        except AnsibleConnectionFailure:
            time.sleep(_PAUSE)
            continue
        if fate is not None and fate["event"] == "restored":
            return {"reason": "unreachable", "msg": f"{why}. The host put the old policy back, and is reachable again."}
        return {"reason": "unreachable", "msg": f"{why}. What became of it, `tidegate status` on the host says."}
    # Ansible would try to remove its temporary folder from the host, and report that failure in place of this one.
    runner.action._cleanup_remote_tmp = False  # noqa: SLF001  # what an action has to say so
    return {
        "reason": "unreachable",
        "msg": f"{why}. The host puts the old policy back by itself, yet it cannot be reached now either.",
    }


def _failed(first: Mapping[str, Any], said: Mapping[str, Any]) -> Result:
    """Return the result of a change that was put back."""
    kept = {key: said[key] for key in ("reason", "tests", "broken", "broken_before", "module_stderr") if key in said}
    return {**first, **kept, "changed": False, "failed": True, "msg": said.get("msg", ""), "confirmation": None}
