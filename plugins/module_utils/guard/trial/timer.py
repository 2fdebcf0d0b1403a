# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard: something on the host that acts at a time, whatever becomes of whoever armed it.

Where systemd runs, a transient timer (systemd-run(1)): it is in no session's control group and survives the end of
the SSH session, `daemon-reload` and any signal to Ansible. Elsewhere a process of its own session, without terminal,
pipes or parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import Pending

TIMER, PROCESS = "timer", "process"
_PATIENCE = 20.0
"""Seconds that arming may take."""


def kind(paths: Paths) -> str:
    """Return which guard this host gets."""
    return TIMER if clock.systemd_runs(paths) else PROCESS


def unit(token: str) -> str:
    """Return the name of a change's timer, without its ending."""
    return f"tidegate-guard-{token}"


def arm(paths: Paths, pending: Pending) -> None:
    """Arm the guard of a change that pending.json already holds. Raise GuardError (cannot_arm) when there is none."""
    if pending.guard == TIMER:
        _arm_timer(paths, pending)
    else:
        _run([*_program(paths), "guard", pending.token], "A process to guard the change")
    if not alive(paths, pending):
        raise GuardError("cannot_arm", f"The guard of the change ended at once. {UNCHANGED}")


def alive(paths: Paths, pending: Pending) -> bool:
    """Whether the guard would act if its time came now."""
    if pending.guard == TIMER:
        name = unit(pending.token)
        # While it acts, the timer is done and its service works.
        done = subprocess.run(
            ["systemctl", "is-active", f"{name}.timer", f"{name}.service"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return bool({"active", "activating"} & set(done.stdout.split()))
    return _process(paths) is not None


def disarm(paths: Paths, pending: Pending) -> None:
    """Stop the guard. What it would do was decided before this: a guard that is not stopped finds nothing to do."""
    if pending.guard == TIMER:
        with suppress(OSError):
            subprocess.run(
                ["systemctl", "stop", f"{unit(pending.token)}.timer"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        return
    pid = _process(paths)
    if pid is not None and pid != os.getpid():
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def detach(paths: Paths) -> bool:
    """Become the guard: True in the detached process; False in the one that was started, once the other is ready."""
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
            raise GuardError("cannot_arm", f"The process to guard the change died at once. {UNCHANGED}")
        return False
    os.close(reader)
    os.setsid()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, writer)
    os.closerange(writer + 1, 1024)
    with suppress(OSError):
        # When memory runs out, almost anything else may go first (proc_pid_oom_score_adj(5)).
        Path("/proc/self/oom_score_adj").write_text("-900", "ascii")
    files.write(paths.guard, f"{os.getpid()} {clock.started(os.getpid())}".encode())
    os.write(writer, b"1")
    os.close(writer)
    return True


def wait(pending: Pending) -> None:
    """Sleep until the change's time has come."""
    while True:
        left = pending.deadline - clock.clock()
        if left <= 0:
            return
        time.sleep(min(left, 5.0))


def _arm_timer(paths: Paths, pending: Pending) -> None:
    left = max(pending.deadline - clock.clock(), 0.1)
    command = ["systemd-run", "--quiet", "--collect", f"--unit={unit(pending.token)}", f"--on-active={left:.1f}s"]
    command += ["--timer-property=AccuracySec=100ms", f"--description=Puts the egress policy back ({pending.token})"]
    _run([*command, *_program(paths), "fire", pending.token], "A timer of systemd to guard the change")


def _program(paths: Paths) -> list[str]:
    """Return the command that runs the program: its Python itself, for SELinux lets systemd start that anywhere."""
    first = (files.read(paths.program) or "").partition("\n")[0]
    return [*first[2:].split(), str(paths.program), *(["--root", paths.root] if paths.root else [])]


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
        said = done.stdout.strip() if done.returncode else None
    except OSError as error:
        said = error.strerror or "unknown error"
    except subprocess.TimeoutExpired:
        said = f"no answer within {_PATIENCE:.0f} s"
    if said is not None:
        raise GuardError(
            "cannot_arm",
            f"{what} could not be started, and without it nobody would put a bad policy back: "
            f"{said or 'it failed without a word'}. {UNCHANGED}",
        )


def _process(paths: Paths) -> int | None:
    """Return the guard's process id while it is that process that runs."""
    said = (files.read(paths.guard) or "").split()
    if len(said) < 2 or not said[0].isdigit():
        return None
    return int(said[0]) if str(clock.started(int(said[0]))) == said[1] else None
