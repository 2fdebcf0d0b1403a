# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for an event without a deadline that a busy machine breaks.

A wait fails when nothing moves any more for PATIENCE seconds, or at once when the process that should cause the event
has ended. As long as something moves (the process uses CPU time, `progress` returns another value), it goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

PATIENCE = 120.0
"""Seconds without any progress after which a wait fails. A test that passes never waits that long."""

INTERVAL = 0.02
"""Seconds between two looks at a condition, at least."""

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | None],
    what: str = "the event",
    *,
    process: subprocess.Popen[Any] | None = None,
    progress: Callable[[], object] | None = None,
    instead: Callable[[], object] = str,
    patience: float = PATIENCE,
    interval: float = INTERVAL,
) -> T:
    """Return the condition's first value that is true.

    what: the event, for the failure. process: causes the event; its end without the event is a failure.
    progress: its value changes as long as the event is still to be expected; default: the CPU time of process.
    instead: the state that is there in place of the event, for the failure. interval: seconds between two looks, at
    least: longer where nobody counts them and the looks cost something.
    """
    watch = _Watch(progress or (lambda: cpu_ticks(process.pid) if process else None), patience)
    while True:
        # Asked before the condition: what the process did last counts.
        ended = process is not None and process.poll() is not None
        begin = time.monotonic()
        value = condition()
        if value:
            return value
        assert not ended, f"{what} did not happen, {_name(process)} has ended: {instead()}"
        assert watch.moves(), f"{what} did not happen, and nothing has moved for {patience:.0f} s: {instead()}"
        # At most half of the time goes into looking: a condition may start processes.
        time.sleep(max(interval, time.monotonic() - begin))


def finish(process: subprocess.Popen[str], text: str | None = None, patience: float = PATIENCE) -> tuple[str, str]:
    """Wait for the end of a process; return its output and its errors, "" for a stream that is no pipe.

    Fail when the process and its descendants use no CPU time for PATIENCE seconds. On any failure all of them end.
    """
    watch = _Watch(lambda: cpu_ticks(process.pid), patience)
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                out, errors = process.communicate(text, timeout=1)
                return out or "", errors or ""
            text = None
            if not watch.moves():
                waits = "\n".join(map(_waits_in, (process.pid, *descendants(process.pid))))
                # Python with faulthandler prints what each of its threads does.
                send_signal(signal.SIGABRT, process.pid)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)
                raise AssertionError(f"{_name(process)} hangs: no CPU time used for {patience:.0f} s\n{waits}")
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process that still runs, and its descendants."""
    if process.poll() is None:
        kill_tree(process.pid)
        process.communicate()


def run(
    command: list[str], *, check: bool = True, text: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, however slow the machine is. check: it must return 0. text: its standard input."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    streams["stdin"] = subprocess.DEVNULL if text is None else subprocess.PIPE
    with subprocess.Popen(command, text=True, **{**streams, **options}) as process:
        out, errors = finish(process, text)
    assert not check or process.returncode == 0, f"{command}: {out}{errors}"
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def wait_for_line(process: subprocess.Popen[str], line: str = "ready") -> None:
    """Wait until a process prints a line, which must be its next one."""
    assert process.stdout is not None
    printed = process.stdout.readline()
    assert printed == f"{line}\n", f"{_name(process)} printed {printed!r}"


def is_running(pid: int) -> bool:
    """Return whether a process runs. One that ended and waits for its parent to notice does not."""
    try:
        return _stat(pid)[0] != "Z"
    except OSError:
        return False


def cpu_ticks(pid: int) -> int:
    """Return the CPU time of a process and its descendants, those included that it has waited for."""
    total = 0
    for number in (pid, *descendants(pid)):
        with suppress(OSError):
            total += sum(map(int, _stat(number)[11:15]))
    return total


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that are still its children."""
    pids: list[int] = []
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += map(int, path.read_text().split())
    return pids


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they did."""
    return [number for child in children(pid) for number in (child, *descendants(child))]


def send_signal(number: signal.Signals, *pids: int) -> None:
    """Send a signal to each of the processes that still exist."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants. What is stopped starts nothing more, so this ends."""
    pids: set[int] = set()
    while more := {pid, *descendants(pid)} - pids:
        send_signal(signal.SIGSTOP, *more)
        pids |= more
    send_signal(signal.SIGKILL, *pids)


def _name(process: subprocess.Popen[Any] | None) -> str:
    return repr(process.args) if process else ""


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; a name may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _waits_in(pid: int) -> str:
    """Return where in the kernel a process waits."""
    try:
        paths = (Path(f"/proc/{pid}/{name}") for name in ("wchan", "syscall", "cmdline"))
        return f"  {pid} " + " ".join(path.read_text().replace("\0", " ") for path in paths)
    except OSError as error:
        return f"  {pid} {error}"


class _Watch:
    """Notice when a value has not changed for a while. patience: seconds."""

    def __init__(self, progress: Callable[[], object], patience: float) -> None:
        self._progress, self._patience = progress, patience
        self._last = progress()
        self._since = time.monotonic()

    def moves(self) -> bool:
        """Return whether the value changed within the last seconds of patience."""
        value = self._progress()
        if value != self._last:
            self._last, self._since = value, time.monotonic()
        return time.monotonic() - self._since < self._patience
