# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes, confirmations, crashes and reboots in any order: the host always ends in exactly the confirmed policy."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace, enter_new, named_namespace

from .conftest import OLD, GuardedHost, wait_for
from .trials import is_rolled_back

STEPS = int(os.environ.get("TIDEGATE_SOAK", "40"))
"""How many things happen to each host; hundreds are for a night."""


class Life:
    """One host, and what a user would expect of it."""

    def __init__(self, host: GuardedHost, seed: int) -> None:
        self.host = host
        self.chance = random.Random(seed)
        self.expected = ""
        self.did: list[str] = []

    def policy(self) -> str:
        """Some policy, another one nearly every time."""
        number = self.chance.randrange(1, 250)
        text = OLD.replace("203.0.113.0/24", f"10.{number}.0.0/16").replace("dport 443", f"dport {number}")
        return (
            text.replace("\tset temporary_allow4", "\tset more4 {\n\t\ttype ipv4_addr\n\t}\n\n\tset temporary_allow4")
            if number % 3
            else text
        )

    def stands(self) -> str:
        return shape(self.host.table.listing(), ("fed4",))

    def change(self, seconds: float = 60.0) -> str:
        """Bring a change on trial; return its token, "" when there was nothing to change."""
        applied = self.host.apply(self.policy(), seconds=seconds)
        return applied["guard"]["token"] if applied["guard"] else ""

    def confirmed(self) -> None:
        token = self.change()
        if token:
            decide.confirm(self.host, token)
            self.expected = self.stands()

    def rejected(self) -> None:
        token = self.change()
        if token:
            decide.reject(self.host, token, "tests failed")

    def forgotten(self) -> None:
        self.change(seconds=1)
        wait_for(lambda: is_rolled_back(self.host))

    def guard_killed(self) -> None:
        if self.change():
            self.host.kill_timer()
            self.host.run("restore" if self.chance.random() < 0.5 else "rollback")

    def rebooted(self) -> None:
        self.host.reboot()
        assert self.host.run("boot").stdout.strip() in ("loaded", "nothing")

    def rebooted_on_trial(self) -> None:
        self.change()
        self.rebooted()

    def flushed(self) -> None:
        self.host.load("flush ruleset\n")
        # Again, as it does: a rollback timer holds the lock for a moment after it has removed the pending change.
        wait_for(Watcher(self.host).check)

    def edited(self) -> None:
        if self.stands():
            self.host.load("insert rule inet tidegate egress_output accept\n")
            self.host.run("restore")

    def cut_short(self) -> None:
        """The confirmation dies right after the step that decides."""
        if self.change():
            on_trial = self.stands()
            self.host.paths.candidate.replace(self.host.paths.confirmed)
            self.expected = on_trial
            os.kill(self.host.timer(), signal.SIGKILL)
            self.host.run("confirm")

    def step(self) -> None:
        acts: list[Callable[[], None]] = [
            self.confirmed,
            self.confirmed,
            self.rejected,
            self.forgotten,
            self.guard_killed,
            self.rebooted,
            self.rebooted_on_trial,
            self.flushed,
            self.edited,
            self.cut_short,
        ]
        act = self.chance.choice(acts)
        self.did.append(act.__name__)
        try:
            act()
        except GuardError as error:
            raise AssertionError(f"{self.did}: {error.reason}: {error}") from error
        assert self.stands() == self.expected, self.did
        assert not self.host.paths.pending.exists(), self.did
        assert not self.host.paths.candidate.exists(), self.did


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_the_confirmed_policy_stands(host: GuardedHost, seed: int) -> None:
    life = Life(host, seed)
    life.confirmed()
    for _step in range(STEPS):
        life.step()
    assert len(set(life.did)) > 5


@pytest.fixture
def controller() -> Iterator[Namespace]:
    """Another machine: a namespace with a cable to the host's."""
    with named_namespace("controller") as made:
        for command in (
            f"link add tgcable type veth peer name tgcable netns {made.name}",
            "address add 192.0.2.1/24 dev tgcable",
            "link set tgcable up",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        made.ip("address add 192.0.2.2/24 dev tgcable", "link set tgcable up")
        yield made


CONNECT = "import socket, sys; socket.create_connection(('192.0.2.1', 2222), timeout=float(sys.argv[1])).close()"


def test_a_policy_that_drops_replies_locks_nobody_out(host: GuardedHost, controller: Namespace) -> None:
    listener = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket; s = socket.create_server(('', 2222)); [s.accept() for _time in iter(int, 1)]",
        ]
    )

    def reachable(seconds: float = 30.0) -> bool:
        """Return whether a connection is made within some seconds, which pass only where none is."""
        return controller.run(sys.executable, "-c", CONNECT, str(seconds), check=False).returncode == 0

    try:
        wait_for(reachable)
        host.load(OLD)
        assert reachable()
        dropping = OLD.replace("policy accept", "policy drop").replace('oifname "lo" accept', "counter drop")
        with host.timer_held():
            host.apply(dropping, seconds=1)
            assert not reachable(0.5)
        wait_for(reachable)
    finally:
        listener.kill()
        listener.wait()


def test_a_new_namespace_is_another_boot(host: GuardedHost) -> None:
    host.has(OLD)
    host.apply(OLD.replace("443", "444"))
    kept = Path(host.paths.pending).read_bytes()
    host.reboot()
    host.paths.pending.write_bytes(kept)
    enter_new()
    assert host.run("boot").stdout == "loaded\n"
