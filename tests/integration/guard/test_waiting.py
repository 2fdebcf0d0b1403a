# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run that waits on the host for its confirmation: whom it answers, and when it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import confirmation, run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import waiting as waiting_run
from ansible_collections.tidegate.nftables.tests.support.waiting import children, end, is_running, send_signal

from .conftest import NEW, OLD, GuardedHost, wait_for

PROGRAM = f"{Path(str(confirmation.__file__)).read_text()}\nmain(json.loads(sys.argv[1]))\n"
DEFAULTS = {name: option.get("default") for name, option in run_module.ARGUMENTS.items()}
FIRST, SECOND = "192.0.2.1 40000 192.0.2.9 22", "192.0.2.1 40001 192.0.2.9 22"


@pytest.fixture(autouse=True)
def _waits_no_longer() -> Iterator[None]:
    yield
    for waiting in children(os.getpid()):
        send_signal(signal.SIGKILL, waiting)
        os.waitpid(waiting, 0)


def offered(host: GuardedHost, text: str = NEW, **terms: Any) -> str:
    """Load a change whose run waits for the confirmation; return its token."""
    host.has(OLD)
    guard = host.apply(text, **terms)["guard"]
    wait_on_the_host(host, guard)
    return str(guard["token"])


def wait_on_the_host(host: GuardedHost, guard: Mapping[str, Any], **parameters: Any) -> None:
    run_module._wait(host.paths, {**DEFAULTS, **parameters}, guard)


def run_guard(host: GuardedHost, phase: str, **parameters: Any) -> dict[str, Any]:
    arguments = {**DEFAULTS, "root": host.paths.root, **parameters}
    return run_module.PHASES[phase](host.paths, arguments, bool(arguments.get("check")))


def ask(
    host: GuardedHost, token: str, *, over: str = "", not_over: str | None = None, seconds: float = 60.0, **more: Any
) -> dict[str, Any]:
    """Send the question as an SSH session does. over: its connection; seconds: that it waits for the answer."""
    request = {"root": host.paths.root, "token": token, "not_over": not_over, "what": "opened api", "seconds": seconds}
    environment = {"SSH_CONNECTION": over} if over else {}
    words = ["/usr/bin/python3", "-c", PROGRAM, json.dumps(request)]
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, **more)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def send(host: GuardedHost, text: str, **more: Any) -> str:
    """Send a text as the question; return what comes back, as Python writes it."""
    connect = (
        f"import os, socket, sys\nos.chdir({str(host.paths.run)!r})\n"
        "s = socket.socket(socket.AF_UNIX)\ns.connect('confirmation.sock')\n"
        "try:\n    s.sendall(sys.argv[1].encode())\n    s.shutdown(socket.SHUT_WR)\n    print(s.recv(100))\n"
        "except (BrokenPipeError, ConnectionResetError):\n    print(b'')\n"
    )
    words = ["/usr/bin/python3", "-c", connect, text]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, **more
    )
    return done.stdout.strip()


def open_files(pid: int) -> set[str]:
    """Return what a process has open, by path or by kind. A descriptor that it closes meanwhile is none."""
    files = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            files.add(str(path.readlink()).partition(":")[0])
    return files


def ended() -> bool:
    """Return whether the waiting process, our only child, is gone."""
    return not children(os.getpid()) or os.waitpid(-1, os.WNOHANG)[0] != 0


def is_pending(host: GuardedHost, token: str) -> bool:
    change = pending.read(host.paths)
    return change is not None and change.token == token


def test_it_confirms_over_another_connection_and_ends(host: GuardedHost) -> None:
    token = offered(host)
    answer = ask(host, token, over=SECOND, not_over=FIRST)
    assert (answer["changed"], answer["tests"], answer["broken"]) == (True, [], [])
    assert answer["confirmed"]["token"] == token
    assert "opened api" in host.paths.journal.read_text()
    assert "192.0.2.0/24" in host.listing()
    wait_for(ended, "the end of the waiting process")
    assert not host.paths.confirmation.exists()
    assert "unanswered" in ask(host, token)


def test_the_connection_of_the_change_rolls_it_back(host: GuardedHost) -> None:
    token = offered(host)
    answer = ask(host, token, over=FIRST, not_over=FIRST)
    assert (answer["failed"], answer["reason"]) == (True, "same_connection")
    assert "203.0.113.0/24" in host.listing()


@pytest.mark.parametrize("how", ["no session", "another token", "no request"])
def test_what_proves_nothing_is_not_answered(host: GuardedHost, how: str) -> None:
    token = offered(host)
    if how == "no session":
        answer = ask(host, token, not_over=FIRST)
    elif how == "another token":
        answer = ask(host, "0" * 16, over=SECOND, not_over=FIRST)
    else:
        answer = {"unanswered": send(host, "[]")}
    assert answer["unanswered"] in ("b''", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)")
    assert is_pending(host, token)
    assert ask(host, token, over=SECOND, not_over=FIRST)["confirmed"]["token"] == token


def test_a_user_cannot_ask_even_where_the_folders_are_open(host: GuardedHost) -> None:
    token = offered(host)
    assert stat.S_IMODE(host.paths.run.stat().st_mode) == 0o700
    for path in (host.paths.confirmation, *host.paths.confirmation.parents):
        path.chmod(path.stat().st_mode | 0o077)
    assert "unanswered" in ask(host, token, over=SECOND, not_over=FIRST, user=65534)
    assert send(host, json.dumps({"token": token, "not_over": None, "what": ""}), user=65534) == "b''"
    assert is_pending(host, token)


def test_an_edit_by_somebody_else_is_not_confirmed(host: GuardedHost) -> None:
    token = offered(host)
    host.load("add rule inet tidegate egress_output accept")
    answer = ask(host, token, over=SECOND, not_over=FIRST)
    assert (answer["failed"], answer["reason"]) == (True, "changed_meanwhile")
    assert "203.0.113.0/24" in host.listing()


def test_the_end_of_the_terminal_of_the_run_leaves_it(host: GuardedHost) -> None:
    """As sudo with use_pty: the run ends, then the terminal that it led a session on."""
    host.has(OLD)
    guard = host.apply(NEW)["guard"]
    run, terminal = pty.fork()
    if run == 0:
        try:
            wait_on_the_host(host, guard)
        finally:
            os._exit(0)
    os.waitpid(run, 0)
    os.close(terminal)
    assert ask(host, guard["token"], over=SECOND, not_over=FIRST)["confirmed"]["token"] == guard["token"]


def test_it_ends_with_the_change_and_does_not_keep_the_session(host: GuardedHost) -> None:
    token = offered(host)
    (waiting,) = children(os.getpid())
    wait_for(lambda: os.getsid(waiting) == waiting, "a session of its own")
    # It closes what it inherited only after that.
    wait_for(
        lambda: open_files(waiting) == {"/dev/null", "socket"},
        "the end of what it inherited",
        instead=lambda: open_files(waiting),
    )
    send_signal(signal.SIGHUP, waiting)
    change = pending.read(host.paths)
    assert change is not None
    assert is_running(waiting)
    # Its time is over.
    pending.write(host.paths, replace(change, deadline=clock.uptime()))
    wait_for(ended, "the end of the waiting process")
    assert "unanswered" in ask(host, token, over=SECOND, not_over=FIRST)
    assert is_pending(host, token)


def test_who_no_longer_waits_for_the_answer_does_not_confirm(host: GuardedHost) -> None:
    token = offered(host)
    (waiting,) = children(os.getpid())
    send_signal(signal.SIGSTOP, waiting)
    try:
        assert "timed out" in ask(host, token, seconds=0.5)["unanswered"]
    finally:
        send_signal(signal.SIGCONT, waiting)
    # It comes to this question after the one that was given up, which it must not have taken for a confirmation.
    answer = ask(host, token, over=SECOND, not_over=FIRST)
    assert answer["confirmed"]["token"] == token


def test_a_slow_question_keeps_no_other_out(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_run, "_PATIENCE", 1.0)
    token = offered(host)
    slowly = (
        f"import os, socket, time\nos.chdir({str(host.paths.run)!r})\n"
        "s = socket.socket(socket.AF_UNIX)\ns.connect('confirmation.sock')\n"
        "while True:\n    s.sendall(b' ')\n    print(flush=True)\n    time.sleep(0.1)\n"
    )
    words = ["/usr/bin/python3", "-c", slowly]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            assert ask(host, token, over=SECOND, not_over=FIRST)["confirmed"]["token"] == token
        finally:
            end(writer)


def test_what_a_killed_run_left_stops_neither_the_guard_nor_the_next_run(host: GuardedHost) -> None:
    host.has(OLD)
    guard = host.apply(NEW)["guard"]
    wait_on_the_host(host, guard)
    (waiting,) = children(os.getpid())
    send_signal(signal.SIGKILL, waiting)
    wait_for(ended, "the end of the waiting process")
    assert host.paths.confirmation.is_socket()
    assert "ConnectionRefusedError" in ask(host, guard["token"])["unanswered"]
    assert is_pending(host, guard["token"])
    wait_on_the_host(host, guard)
    assert ask(host, guard["token"], over=SECOND, not_over=FIRST)["confirmed"]["token"] == guard["token"]


def test_a_link_in_its_way_is_removed_and_not_followed(host: GuardedHost, tmp_path: Path) -> None:
    host.has(OLD)
    guard = host.apply(NEW)["guard"]
    other = tmp_path / "other"
    other.write_text("of somebody else")
    host.paths.confirmation.symlink_to(other)
    wait_on_the_host(host, guard)
    assert not host.paths.confirmation.is_symlink()
    assert ask(host, guard["token"], over=SECOND, not_over=FIRST)["confirmed"]["token"] == guard["token"]
    assert other.read_text() == "of somebody else"


def test_where_nobody_can_wait_the_guard_confirms(host: GuardedHost) -> None:
    host.has(OLD)
    guard = host.apply(NEW)["guard"]
    host.paths.confirmation.mkdir()
    wait_on_the_host(host, guard)
    assert children(os.getpid()) == []
    assert "unanswered" in ask(host, guard["token"])
    host.paths.confirmation.rmdir()
    assert run_guard(host, "confirm", token=guard["token"])["confirmed"]["token"] == guard["token"]


def test_it_sends_the_tests_of_the_policy_itself(host: GuardedHost) -> None:
    host.has(OLD)
    for words in ("link add out type veth peer name far", "address add 192.0.2.1/24 dev out", "link set out up"):
        subprocess.run(["ip", *words.split()], check=True)
    guard = host.apply(NEW.replace("jump egress_floor", "ip daddr 192.0.2.9 drop"))["guard"]
    api = {"name": "api", "to": "192.0.2.9", "protocol": "udp", "port": 443, "expect": "reach"}
    wait_on_the_host(host, guard, tests=[{**api, "user": None, "missing_user": "error"}])
    answer = ask(host, guard["token"], over=SECOND, not_over=FIRST)
    assert (answer["failed"], answer["reason"]) == (True, "tests_failed")
    assert answer["broken"] == ["api (192.0.2.9 udp/443)"]
    assert "203.0.113.0/24" in host.listing()


@pytest.mark.parametrize("uninstalled", [False, True])
def test_it_ends_with_a_change_that_somebody_rolls_back(host: GuardedHost, *, uninstalled: bool) -> None:
    token = offered(host)
    decide.reject(host, token, "somebody else decided")
    if uninstalled:
        absent = {"family": "inet", "name": "tidegate", "state": "absent"}
        run_guard(host, "apply", tables=[absent])
    wait_for(ended, "the end of the waiting process")
    assert not host.paths.confirmation.exists()
