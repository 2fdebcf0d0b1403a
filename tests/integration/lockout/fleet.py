# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with systemd and a real sshd, and a controller that reaches them over a network of their own.

The machines are containers on a bridge in the namespace of the first one, "world", as in the Molecule scenarios. The
controller is this machine's Ansible and ssh in world's network namespace: nothing here touches this machine's network.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared.lab import MACHINES
from ansible_collections.tidegate.nftables.tests.support.containers import RELEASES, image, new_container, podman
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

SHARED = CHECKOUT / "molecule/shared"
HOSTS = ("app11", "app12", "app13", "bastion12")
LABEL = "tidegate.checkout"
SSH = (
    *("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "LogLevel=ERROR", "-o", "ControlPath=none", "-o", "ConnectTimeout=2"),
)
"""A connection of its own, never one that was kept open."""


def command(*words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this machine."""
    done = subprocess.run(
        words, env={**os.environ, **environment}, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done


@dataclass
class Machine:
    """A container with systemd and sshd. pid: of its process 1, as this machine sees it; another after a reboot."""

    name: str
    fleet: Fleet
    pid: int = 0

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its IPv4 and its IPv6 address."""
        return MACHINES[self.name].addresses

    @property
    def pending(self) -> Path:
        """The file that is there while a change is pending; gone with the process when the machine is rebooted."""
        return Path(f"/proc/{self.pid}/root/var/lib/tidegate/pending.json")

    def start(self, script: str) -> None:
        """Start it by one of the lab's scripts: create.sh or reboot.sh."""
        machine = MACHINES[self.name]
        release = (machine.release,) if script == "create.sh" else ()
        elsewhere = [
            other.addresses for other in MACHINES.values() if self.name == "world" and other.tier == "elsewhere"
        ]
        addresses = [*machine.addresses, *itertools.chain.from_iterable(elsewhere)]
        words = (self.fleet.lab, self.name, *release, *addresses)
        command(str(SHARED / script), *words, LAB_SSH=str(self.fleet.folder), LAB_OWNER=self.fleet.lab)
        inspected = podman(
            "inspect", "--type", "container", "--format", "{{.State.Pid}}", f"{self.fleet.lab}-{self.name}"
        )
        self.pid = int(inspected.stdout)

    def reboot(self) -> None:
        """Pull the plug and put it in again."""
        self.start("reboot.sh")

    def cable(self, state: str) -> None:
        """Have the other end of its cable up or down."""
        self.fleet.controller("ip", "link", "set", f"to{self.pid}", state)

    def run(self, *words: str, check: bool = True) -> str:
        """Run a command as root, from the console as it were: no network is needed."""
        enter = ("nsenter", f"--target={self.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
        clean = ("env", "-i", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        return command(*enter, "--", *clean, *words, check=check).stdout

    def ssh(self, *words: str, version: int = 4, port: int = 22) -> bool:
        """Log in over a new connection from the controller and run a command; whether that went well."""
        (address,) = (own for own in self.addresses if (":" in own) == (version == 6))
        key = ("-i", str(self.fleet.folder / "key"))
        return self.fleet.controller(*SSH, *key, "-p", str(port), f"ops@{address}", *words, check=False).returncode == 0

    def reachable(self) -> bool:
        """Whether somebody can log in over IPv4 and over IPv6, and become root."""
        return self.ssh("sudo", "true") and self.ssh("true", version=6)

    def stands(self) -> str:
        """The table that the kernel has, in a form that can be compared; "" for none."""
        return self.run("python3", "/opt/lab/standing.py").strip()

    def status(self) -> dict[str, Any]:
        """What the host itself says about its policy."""
        status: dict[str, Any] = json.loads(self.run("tidegate", "status", "--json", check=False))
        return status

    def journal(self) -> list[dict[str, Any]]:
        """Return what happened on the host, oldest first. No process is started: it is asked again and again."""
        path = Path(f"/proc/{self.pid}/root/var/lib/tidegate/journal.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self) -> list[str]:
        """Return the names of what happened on the host, oldest first."""
        return [event["event"] for event in self.journal()]

    def has_pending_change(self) -> bool:
        """Whether a change waits for its confirmation. The file is asked first, which costs nothing."""
        return self.pending.exists() or self.status()["pending"] is not None

    def is_idle(self) -> bool:
        """Whether no run of Ansible goes on, not even one that its controller has left, and nothing is pending."""
        if self.pending.exists():
            return False
        # After a controller was killed, what waits below sudo and sshd for a reader that is gone is nobody's harm as
        # long as nobody holds the lock: a module that has done its work, or a shell that has not begun it.
        waits = '$2 ~ /pipe_write/ && ($3 == "/usr/bin/python3" && NF == 3 || /BECOME-SUCCES[S]/) { print $1 }'
        end = f"ps -eo pid=,wchan:20=,args= | awk '{waits}' | xargs -rt kill -9 2>&1"
        # At once, for it is asked again and again.
        look = 'flock --nonblock /run/tidegate/lock sh -c "$0"; pgrep -f "BECOME-SUCCES[S]"'
        lines = self.run("sh", "-c", look, end, check=False).splitlines()
        ended = [line for line in lines if line.startswith("kill ")]
        if ended:
            print(f"{self.name}: nobody read what these wrote: {ended}", flush=True)
        return lines == ended and not self.pending.exists()

    def goes_on(self) -> str:
        """What goes on there, for people."""
        words = ("ps", "-eo", "pid,ppid,stat,etimes,wchan:20,args")
        open_files = "ls -l $(pgrep -f '^/usr/bin/python3$|^sudo|^sshd: ops' | sed 's|.*|/proc/&/fd|')"
        commands = (words, ("ss", "-tnp"), ("sh", "-c", open_files))
        return "\n".join([str(self.status()), *(self.run(*command_words, check=False) for command_words in commands)])

    def settle(self) -> None:
        """Wait until nothing is pending."""
        wait_for(lambda: not self.has_pending_change(), f"the end of the pending change on {self.name}")

    def is_well(self, table: str) -> bool:
        """Whether exactly this table stands, is what a boot would load, and nothing is pending."""
        status = self.status()
        return status["pending"] is None and status["table"] == "confirmed" and self.stands() == table

    def reaches(self, user: str, *flows: str) -> dict[str, bool]:
        """Try flows such as tcp/443@203.0.113.10 with real packets; which of them somebody answered."""
        outcomes = json.loads(self.run("runuser", "-u", user, "--", "python3", "/opt/lab/reach.py", *flows))
        return {flow: outcome == "open" for flow, (outcome, _milliseconds) in outcomes.items()}

    def forget(self) -> None:
        """Be a host on which nothing was ever applied."""
        self.run("sh", "-c", "systemctl stop tidegate-watch 'tidegate-rollback-*'; nft flush ruleset", check=False)
        self.run("sh", "-c", "rm -rf /var/lib/tidegate /run/tidegate /etc/systemd/system/tidegate*")


@dataclass
class Fleet:
    """The machines by name. folder: the controller's key, its connections that are kept open, world's process id."""

    lab: str
    folder: Path
    machines: dict[str, Machine]

    def controller(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command where the controller is."""
        return command(*self.enter(), *words, check=check)

    def enter(self) -> tuple[str, ...]:
        """What comes before a command that is to run where the controller is."""
        return ("nsenter", f"--target={self.machines['world'].pid}", "--net", "--")

    def hang_up(self) -> None:
        """End the controller's connections that are kept open."""
        for socket in (self.folder / "control").glob("*"):
            command("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "nobody", check=False)

    def each(self, act: Callable[[Machine], Any]) -> dict[str, Any]:
        """Do something with every machine but the world, all at once."""
        hosts = [self.machines[name] for name in HOSTS]
        with ThreadPoolExecutor(len(hosts)) as pool:
            return dict(zip(HOSTS, pool.map(act, hosts), strict=True))


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """Start the machines; remove them whatever happens."""
    started = Fleet(new_container("lockout"), folder, {})
    started.machines = {name: Machine(name, started) for name in ("world", *HOSTS)}
    for release in RELEASES:
        image(release)
    try:
        started.machines["world"].start("create.sh")
        started.each(lambda machine: machine.start("create.sh"))
        yield started
    finally:
        started.hang_up()
        remove(started.lab)


def remove(lab: str) -> None:
    """Remove a fleet's containers."""
    containers = podman("ps", "--all", "--quiet", "--filter", f"label={LABEL}={lab}").stdout.split()
    if containers:
        podman("rm", "--force", "--time", "0", *containers)
