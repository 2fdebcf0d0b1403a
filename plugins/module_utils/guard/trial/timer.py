# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollback timer: it rolls a pending change back at its deadline and does not depend on the run that started it.

Where systemd runs, it is a transient systemd timer (systemd-run(1)). That is in no session's control group, so it
survives the end of the SSH session, `daemon-reload` and any signal to Ansible. Elsewhere it is a process in a session
of its own, without terminal, pipes and parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import background, clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import PendingChange

TIMER: Final = "timer"
PROCESS: Final = "process"
COMMAND, WAIT_COMMAND = "roll-back", "wait-and-roll-back"
"""Commands of the program: roll a change back now, or at its deadline."""
_PATIENCE = 20.0
"""Seconds that starting the timer may take."""


def kind(paths: Paths) -> Literal["timer", "process"]:
    """Return which kind of timer this host gets."""
    return TIMER if clock.systemd_runs(paths) else PROCESS


def unit(token: str) -> str:
    """Return the name of a change's systemd units, without suffix."""
    return f"tidegate-rollback-{token}"


def start(paths: Paths, change: PendingChange, instead_of: PendingChange | None = None) -> None:
    """Start the timer of a change that pending.json already has; raise GuardError (cannot_arm) when that fails.

    instead_of: a change whose timer is stopped then.
    """
    waiting = _process(paths)
    if change.timer == TIMER:
        _start_systemd_timer(paths, change)
    else:
        _run([*_program(paths), WAIT_COMMAND, change.token], "The process that rolls the change back")
    if not is_running(paths, change):
        raise GuardError("cannot_arm", f"The rollback timer of the change ended at once. {UNCHANGED}")
    if instead_of is not None:
        _stop(instead_of, waiting)


def is_running(paths: Paths, change: PendingChange) -> bool:
    """Return whether the timer waits or rolls back now."""
    if change.timer == TIMER:
        name = unit(change.token)
        # While it rolls back, the timer is inactive and its service is active.
        done = subprocess.run(
            ["systemctl", "is-active", f"{name}.timer", f"{name}.service"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return bool({"active", "activating"} & set(done.stdout.split()))
    return _process(paths) is not None


def stop(paths: Paths, change: PendingChange) -> None:
    """Stop the timer. The change is decided before this, so a timer that goes on finds nothing to do."""
    _stop(change, _process(paths))


def _stop(change: PendingChange, pid: int | None) -> None:
    if change.timer == TIMER:
        with suppress(OSError):
            subprocess.run(
                ["systemctl", "stop", f"{unit(change.token)}.timer"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        return
    if pid is not None and pid != os.getpid():
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def detach(paths: Paths) -> bool:
    """Detach a process that waits; return True in it, False in this one once the other is ready."""
    reader, writer = os.pipe()
    try:
        forked = os.fork()
    except OSError as error:
        raise GuardError("cannot_arm", f"No process could be started: {error.strerror}. {UNCHANGED}") from error
    if forked != 0:
        os.close(writer)
        ready = os.read(reader, 1)
        os.close(reader)
        if not ready:
            raise GuardError("cannot_arm", f"The process that rolls the change back died at once. {UNCHANGED}")
        return False
    os.close(reader)
    background.leave_session(writer)
    with suppress(OSError):
        # When memory runs out, almost every other process ends first (proc_pid_oom_score_adj(5)).
        Path("/proc/self/oom_score_adj").write_text("-900", "ascii")
    files.write(paths.rollback_timer, f"{os.getpid()} {clock.start_time(os.getpid())}".encode())
    os.write(writer, b"1")
    os.close(writer)
    return True


def wait(change: PendingChange) -> None:
    """Sleep until the change's deadline."""
    while True:
        left = change.deadline - clock.uptime()
        if left <= 0:
            return
        time.sleep(min(left, 5.0))


def _start_systemd_timer(paths: Paths, change: PendingChange) -> None:
    left = max(change.deadline - clock.uptime(), 0.1)
    command = ["systemd-run", "--quiet", "--collect", f"--unit={unit(change.token)}", f"--on-active={left:.1f}s"]
    command += ["--timer-property=AccuracySec=100ms", f"--description=Roll back the egress policy ({change.token})"]
    _run([*command, *_program(paths), COMMAND, change.token], "The systemd timer that rolls the change back")


def _program(paths: Paths) -> list[str]:
    """Return the command that runs the program. It starts Python, which SELinux allows systemd to start."""
    first = (files.read(paths.program) or "").partition("\n")[0]
    return [*first[2:].split(), str(paths.program)]


def _run(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        problem = done.stdout.strip() if done.returncode else None
    except OSError as error:
        problem = error.strerror or "unknown error"
    except subprocess.TimeoutExpired:
        problem = f"no answer within {_PATIENCE:.0f} s"
    if problem is not None:
        raise GuardError(
            "cannot_arm",
            f"{what} could not be started, so a bad policy would not be rolled back: "
            f"{problem or 'it printed no error'}. {UNCHANGED}",
        )


def _process(paths: Paths) -> int | None:
    """Return the id of the waiting process, None when it does not run."""
    words = (files.read(paths.rollback_timer) or "").split()
    if len(words) < 2 or not words[0].isdigit():
        return None
    return int(words[0]) if str(clock.start_time(int(words[0]))) == words[1] else None
