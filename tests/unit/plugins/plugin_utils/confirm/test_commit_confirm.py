# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a host that cannot be reached is asked again, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import commit_confirm, guard
from ansible_collections.tidegate.nftables.tests.support.controller import Controller


class Clock:
    """Stands for the module time: waiting takes no time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Action:
    """What a run prints about a host."""

    host = "app1"
    connection = LocalConnection

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Host:
    """A host that answers from some moment on. takes: seconds of one attempt."""

    def __init__(self, clock: Clock, answers_at: float, takes: float) -> None:
        self.clock, self.answers_at, self.takes = clock, answers_at, takes
        self.logins: list[float] = []

    def attempt(self) -> dict[str, Any]:
        self.logins.append(self.clock.now)
        if self.clock.now >= self.answers_at:
            return {"confirmed": True}
        self.clock.now += self.takes
        raise AnsibleConnectionFailure("no route")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(commit_confirm, "time", clock)
    return clock


@pytest.mark.parametrize("takes", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("seconds", [20, 60, 600])
def test_a_host_that_stays_away_is_asked_seldom_and_once_more_at_the_end(
    clock: Clock, seconds: int, takes: float
) -> None:
    host, deadline = Host(clock, float("inf"), takes), clock.now + seconds
    outcome = commit_confirm._retry(Action(), host.attempt, deadline)  # type: ignore[arg-type]
    assert isinstance(outcome, AnsibleConnectionFailure)
    # sshd's own limit for a minute is more than thirty failures; others limit new connections to about ten.
    in_a_minute = [sum(begin <= login < begin + 60 for login in host.logins) for begin in host.logins]
    assert max(in_a_minute) <= 11
    assert deadline - host.logins[-1] <= 1.0 + takes
    assert clock.now <= deadline + takes


CONFIRMED = {"changed": True, "tests": [], "broken": [], "broken_before": [], "unsent": []}


@pytest.mark.parametrize(
    ("answer", "asks_the_guard"),
    [
        (CONFIRMED, False),
        ({"failed": True, "reason": "tests_failed", "msg": "The change was rolled back"}, False),
        ({"changed": False, "unanswered": "FileNotFoundError"}, True),
        ({"failed": True, "msg": "no Python"}, True),
        ({"changed": True, "confirmed": {"token": "0"}}, True),
        ({}, True),
    ],
)
def test_a_change_that_no_run_waits_for_is_confirmed_by_the_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *, asks_the_guard: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []

    def host(module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(f"{module} {arguments.get('phase', '')}")
        # A run that waits and is stopped leaves the guard time to confirm.
        assert 0.5 <= arguments.get("seconds", 1) <= 45
        if module == "egress_guard" and arguments["phase"] == "apply":
            return {"changed": True, "guard": {"token": "t", "seconds": 60, "kind": "process", "before": []}}
        if module == "egress_guard":
            return CONFIRMED
        return answer if "token" in arguments else {"unchanged": False}

    hosts = {
        "all": {
            "hosts": {
                "app1": {"egress_tier": "app", "egress_internal_networks": ["10.0.0.0/8"], "ansible_host": "10.0.0.1"}
            }
        }
    }
    result = Controller(tmp_path, hosts).run("app1", "egress_apply", {}, host)
    assert asked == [
        "egress_apply ",  # is it right?
        "egress_apply ",  # has it the program?
        "egress_guard apply",
        "egress_apply ",  # does the run wait?
        *(["egress_apply ", "egress_guard confirm"] if asks_the_guard else []),
    ]
    assert result.get("reason") == (None if asks_the_guard else answer.get("reason"))


def test_what_will_happen_is_said_once(clock: Clock) -> None:
    action, host = Action(), Host(clock, clock.now + 10, 0.0)
    outcome = commit_confirm._retry(action, host.attempt, clock.now + 60)  # type: ignore[arg-type]
    assert outcome == {"confirmed": True}
    (warning,) = action.warnings
    assert "app1: the host cannot be reached over a new connection" in warning
    assert "Trying again for 60 s" in warning
    assert "the host rolls the change back by itself" in warning


def test_what_the_host_rejected_meanwhile_is_said(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    action, fate = Action(), {"event": "restored", "refused": ["192.0.2.9 tcp/51234 by root"]}
    monkeypatch.setattr(guard, "run", lambda _action, _arguments: {"fate": fate})
    error = AnsibleConnectionFailure("no route")
    outcome = commit_confirm._unreachable(action, "t", None, clock.now, error)  # type: ignore[arg-type]
    assert "has rolled the change back" in outcome["msg"]
    assert outcome["msg"].endswith(" Rejected meanwhile: 192.0.2.9 tcp/51234 by root.")
