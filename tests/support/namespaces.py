# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces of a test's own, so that no test touches the network of this machine (as root)."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from .own_names import is_orphan, maker, own_name
from .waiting import run, send_signal, wait_for

CLONE_NEWNET = 0x40000000
OWN = Path("/proc/thread-self/ns/net")
NAMED = Path("/run/netns")
"""Where ip(8) keeps the names."""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)} (these tests need root)")


def enter_new(*, loopback: bool = True) -> None:
    """Leave the network namespace of this thread for an empty one, as a reboot does."""
    outside = OWN.readlink()
    _call("unshare", CLONE_NEWNET)
    assert OWN.readlink() != outside, "still in the network namespace from before"
    if loopback:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@contextmanager
def own_namespace(*, loopback: bool = True) -> Iterator[None]:
    """Run the body, and everything it starts, in a new network namespace. It ends with the last process in it."""
    home = os.open(OWN, os.O_RDONLY)
    try:
        enter_new(loopback=loopback)
        yield
    finally:
        _call("setns", home, CLONE_NEWNET)
        os.close(home)


@pytest.fixture(autouse=True)
def namespace() -> Iterator[None]:
    """Run each test of a folder whose conftest.py imports this in a network namespace of its own."""
    with own_namespace():
        yield


@dataclass(frozen=True)
class Namespace:
    """A network namespace with a name, as `ip netns` makes it."""

    name: str

    @property
    def enter(self) -> tuple[str, ...]:
        """The words before a command that runs in it."""
        return ("ip", "netns", "exec", self.name)

    def run(self, *words: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return run([*self.enter, *words], check=check, text=text)

    def ip(self, *commands: str) -> None:
        """Run commands of ip in it."""
        for command in commands:
            run(["ip", "-n", self.name, *command.split()])

    def processes(self) -> list[int]:
        """Return the processes in it."""
        return [int(pid) for pid in run(["ip", "netns", "pids", self.name]).stdout.split()]

    def remove(self) -> None:
        """End what runs in it, and remove it."""
        while pids := self.processes():
            send_signal(signal.SIGKILL, *pids)
            wait_for(lambda pids=pids: not set(pids) & set(self.processes()), f"the end of {pids}")  # type: ignore[misc]
        run(["ip", "netns", "delete", self.name])


@contextmanager
def named_namespace(role: str) -> Iterator[Namespace]:
    """Make a namespace; remove it, and end what runs in it, whatever happens."""
    _remove_orphans()
    made = Namespace(own_name(role))
    run(["ip", "netns", "add", made.name])
    try:
        yield made
    finally:
        made.remove()


def own_named_namespaces() -> set[str]:
    """Return the names of the namespaces that this process made and did not remove."""
    return {name for name in _named() if maker(name) == os.getpid()}


def _named() -> list[str]:
    return [path.name for path in NAMED.iterdir()] if NAMED.is_dir() else []


@functools.cache
def _remove_orphans() -> None:
    """Remove, once in a run, the namespaces of runs that were killed."""
    for name in filter(is_orphan, _named()):
        # Another worker of this run may be removing it as well.
        with suppress(AssertionError):
            Namespace(name).remove()


@contextmanager
def process_namespace() -> Iterator[int]:
    """Make a namespace without a name; yield the id of the process that holds it."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as holder:
        try:
            here = OWN.readlink()
            entered = Path(f"/proc/{holder.pid}/ns/net")
            wait_for(lambda: entered.readlink() != here, "a network namespace", process=holder)
            yield holder.pid
        finally:
            holder.kill()
