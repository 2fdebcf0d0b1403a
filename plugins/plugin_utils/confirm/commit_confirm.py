# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change and its confirmation in at most three module runs: apply, confirm over a new connection, read the status."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import confirmation
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import request as requests
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import GUARD_ANSWER
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

from . import connection as connections
from . import description, guard, sent_alone

_ASK = sent_alone.program(confirmation)
_DECISION = frozenset(("tests", "broken", "broken_before", "unsent"))
"""Keys of a confirmation that did not fail."""
_PAUSE = 1.0
"""Seconds before the second attempt to reach the host; each attempt is a login."""
_LONGEST_PAUSE = 8.0
"""Seconds to which the pause grows: sshd counts logins and refuses who has too many (PerSourcePenalties)."""
_GRACE = 3.0
"""Seconds after the confirm timeout in which the guard rolls back."""
_FOR_THE_GUARD = 15.0
"""Seconds before the rollback that the guard has where the run that waits does not answer; at most half of them."""
_STATUS_ATTEMPTS = 3
"""How often a host is asked for the state of a change that nobody could confirm."""

Result = dict[str, Any]

_ABANDONED: Result = {
    "failed": True,
    "changed": False,
    "reason": "abandoned",
    "msg": "The ansible-playbook that started this worker has ended, so the worker does nothing more.",
}

_DECIDED = ("tests_failed", "same_connection", "too_late", "not_pending", "changed_meanwhile")
"""Reasons of a failed confirmation after which the change is no longer pending on the host."""


def apply_and_confirm(
    action: TidegateAction, request: Mapping[str, Any], resolved: ResolvedPolicy | None = None
) -> Result:
    """Run a phase of egress_guard that leaves a pending change, and confirm it over a new connection.

    Return the result of the first run with ``confirmation``: None when no change was pending, else ``confirmed``,
    ``connection`` (the plugin's name), ``proves`` (whether that connection passes the host's network), ``tests`` (how
    many packets there are), ``broken``, ``broken_before`` and ``unsent``; and with ``effects``, see description.py. The
    result is failed when the change was rolled back. resolved: the policy that is applied, None for a rollback.
    """
    if not _starter_lives():
        return {**_ABANDONED, "confirmation": None}
    began = time.monotonic()
    proves = connections.passes_network(action.connection)
    extra = {"keep_connection": proves} if request["phase"] == "apply" else {}
    first = guard.run(action, {**request, **extra})
    first["effects"] = description.effects_of(first, resolved)
    pending = first.get("guard")
    if first.get("failed") or not pending:
        return {**_recorded(action, request, first), "confirmation": None}
    # The host's clock runs from some moment of the first run; the controller's from before it.
    deadline = max(began, time.monotonic() - _PAUSE) + pending["seconds"]
    confirm = {
        "phase": "confirm",
        "token": pending["token"],
        "tests": request.get("tests"),
        "failing_before": pending.get("before", []),
        "mode": request.get("mode", "enforce"),
        "root": request.get("root"),
        "not_over": first.get("connection") if proves else None,
        "what": description.for_history(first, resolved),
    }
    outcome = _retry(action, lambda: _over_new_connection(action, confirm, deadline), deadline)
    if isinstance(outcome, AnsibleConnectionFailure):
        return _rolled_back(first, _unreachable(action, pending["token"], request.get("root"), deadline, outcome))
    if outcome.get("failed"):
        if outcome.get("reason") not in _DECIDED:
            # The confirmation itself could not run. Rolling back now is better than waiting for the timeout.
            what = "the controller is gone" if outcome is _ABANDONED else "the confirmation failed"
            drop = {"phase": "reject", "token": pending["token"], "root": request.get("root"), "what": what}
            guard.run(action, drop)
        return _rolled_back(first, outcome)
    return {
        **first,
        "confirmation": {
            "confirmed": True,
            "connection": connections.name(action.connection),
            "proves": proves,
            "tests": len(outcome["tests"]),
            "broken": outcome["broken"],
            "broken_before": outcome["broken_before"],
            "unsent": outcome["unsent"],
        },
    }


def _recorded(action: TidegateAction, request: Mapping[str, Any], first: Result) -> Result:
    """Return the result of a run without a pending change, after the host has recorded what it could not describe.

    Those are changes of the policy, such as another guard, that leave the table as it is.
    """
    if first.get("failed") or action.check_mode or not requests.is_undescribed(first):
        return first
    second = guard.run(action, {**request, "what": description.of_same_table(first)})
    return {**first, **second} if second.get("failed") else first


def _over_new_connection(action: TidegateAction, confirm: Mapping[str, Any], deadline: float) -> Result:
    connections.renew(action.connection)
    if not _starter_lives():
        return _ABANDONED
    return _by_the_waiting_run(action, confirm, deadline) or guard.run(action, confirm, _DECISION)


def _by_the_waiting_run(action: TidegateAction, confirm: Mapping[str, Any], deadline: float) -> Result | None:
    """Have the run that made the change confirm it, which waits on the host; return None where it does not.

    It may take all of the time that is left but what a run of the guard needs.
    """
    request = {key: confirm[key] for key in ("root", "token", "not_over", "what")}
    left = max(deadline - time.monotonic(), _PAUSE)
    seconds = left - min(_FOR_THE_GUARD, left / 2)
    raw = sent_alone.run(action, _ASK, {**request, "seconds": seconds})
    answer = action.known_result(sent_alone.MODULE, raw, GUARD_ANSWER)
    if answer.get("reason") if answer.get("failed") else answer.keys() >= _DECISION:
        return answer
    action.say_details(f"confirmed by a run of the guard: {answer.get('unanswered', 'no answer')}")
    return None


def _starter_lives() -> bool:
    """Return whether the ansible-playbook that started this worker still runs.

    Workers lead sessions of their own and outlive a parent that is killed or loses its terminal. Whoever ends the run
    expects the old policy to stay.
    """
    starter = multiprocessing.parent_process()
    return starter is None or starter.pid == os.getppid()


_FATES = {
    "restored": "The host has rolled the change back and can be reached again.",
    "replaced": "The host could not restore the table from before the change and loaded another one. Fix: run "
    "`tidegate status` on the host.",
    "stuck": "The host could not roll the change back yet and tries again. Fix: run `tidegate status` on the host.",
}
"""What became of a change, by the last event about it."""

_NOT_KNOWN = "The state of the change is not known. Fix: run `tidegate status` on the host."


def _retry(action: TidegateAction, attempt: Callable[[], Result], deadline: float) -> Result | AnsibleConnectionFailure:
    """Repeat an attempt until it reaches the host or the deadline passes: one lost packet must not revert a fleet.

    The last attempt begins shortly before the deadline.
    """
    pause = _PAUSE
    while True:
        try:
            return attempt()
        except AnsibleConnectionFailure as error:
            left = deadline - time.monotonic()
            if left <= _PAUSE:
                return error
            if pause == _PAUSE:
                action.warn(
                    f"{action.host}: the host cannot be reached over a new connection after the change: {error}. "
                    f"Trying again for {left:.0f} s; without success, the host rolls the change back by itself then."
                )
            time.sleep(min(pause, left - _PAUSE))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _unreachable(
    action: TidegateAction, token: str, root: str | None, deadline: float, error: AnsibleConnectionFailure
) -> Result:
    """Return the reason and message of a change that could not be confirmed, after asking the host for its state."""
    time.sleep(max(0.0, deadline + _GRACE - time.monotonic()))
    cause = f"The host could not be reached over a new connection after the change: {error}"
    for _attempt in range(_STATUS_ATTEMPTS):
        try:
            connections.renew(action.connection)
            fate = guard.run(action, {"phase": "status", "token": token, "root": root}).get("fate")
        except AnsibleConnectionFailure:
            time.sleep(_PAUSE)
            continue
        state = _FATES.get(fate["event"] if fate else "", _NOT_KNOWN)
        refused = fate.get("refused") if fate else None
        meanwhile = f" Rejected meanwhile: {'; '.join(refused)}." if refused else ""
        return {"reason": "unreachable", "msg": f"{cause}. {state}{meanwhile}"}
    action.keep_remote_folder()
    return {
        "reason": "unreachable",
        "msg": f"{cause}. The host rolls the change back by itself, but it cannot be reached now either.",
    }


def _rolled_back(first: Mapping[str, Any], outcome: Mapping[str, Any]) -> Result:
    """Return the failed result of a change that was rolled back."""
    keys = ("reason", "tests", "broken", "broken_before", "unsent", "module_stderr")
    details = {key: outcome[key] for key in keys if key in outcome}
    return {**first, **details, "changed": False, "failed": True, "msg": outcome.get("msg", ""), "confirmation": None}
