# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project as a user has it: an inventory over ssh, group_vars, a playbook; run, interrupted and killed at will."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.molecule.shared.lab import MACHINES
from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import (
    HOSTS,
    Fleet,
    Machine,
)
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run
from ansible_collections.tidegate.nftables.tests.support.waiting import (
    children,
    finish,
    is_running,
    kill_tree,
    send_signal,
    wait_for,
)

SITE = """
- hosts: app
  gather_facts: false
  roles: [tidegate.nftables.egress]
"""
FLOWS = {
    name: tuple(f"tcp/443@{address}" for address in MACHINES[name].addresses)
    for name in ("payments", "partner", "stranger")
}
"""Destinations of the lab, and how each is tried over IPv4 and IPv6."""
PAYMENTS, PARTNER = FLOWS["payments"], FLOWS["partner"]
SSH_CONFIG = """
Host *
  User ops
  Port {port}
  IdentityFile {folder}/key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
Match exec "{project}/wait %h"
"""
WAIT = """#!/bin/sh
# Before every ssh of a run that is held: wait as long as a change is pending on that machine.
[ -n "$HELD" ] && [ -e "{project}/trial-$1" ] && touch "{project}/held-$1"
[ -n "$HELD" ] && while [ ! -e "{project}/go-$1" ] && [ -e "{project}/trial-$1" ]; do sleep 0.05; done
exit 1
"""

_OUTLIVED = 25.0
"""Seconds that workers may take which nobody waits for any more: longer than a trial of a few seconds."""


def policy(*names: str, **more: Any) -> dict[str, Any]:
    """Variables of a policy that lets payd reach some of the destinations of the lab: payments, partner, stranger."""
    return {
        "egress_mode": "enforce",
        "egress_tier": "app",
        "egress_internal_networks": ["10.94.0.0/16", "fd94:7467::/48"],
        "egress_dns_servers": ["10.94.0.53", "fd94:7467::53"],
        "egress_ntp_servers": ["10.94.0.123", "fd94:7467::123"],
        "egress_max_removed": 100,
        "egress_allow_app": [
            {"name": name, "to": list(MACHINES[name].addresses), "services": ["https", "udp/443"], "users": ["payd"]}
            for name in names
        ],
        **more,
    }


def reaches_only(machine: Machine, *allowed: str) -> None:
    """Assert with real packets, over IPv4 and IPv6, what payd reaches of payments and partner.

    A busy machine may answer too late, so that what is allowed is tried again; nothing else is ever reached.
    """

    def reached() -> set[str]:
        answered = {flow for flow, passes in machine.reaches("payd", *PAYMENTS, *PARTNER).items() if passes}
        assert answered <= set(allowed), (machine.name, answered)
        return answered

    wait_for(lambda: reached() == set(allowed), f"{allowed} on {machine.name}", instead=reached)


@dataclass
class Going:
    """A run that still goes on, in a session of its own like one in a terminal.

    output: the file that it prints into. Nobody reads before its end, and a pipe takes 64 KiB: a failure with the
    differences of whole tables is longer, and the run would wait for a reader, and its hosts for the run.
    left: workers that may outlive it.
    """

    process: subprocess.Popen[str]
    output: Path
    left: Sequence[int] = ()

    def interrupt(self) -> None:
        """Press Ctrl-C: a terminal signals its foreground process group, in which Ansible's workers are not."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Have the controller disappear, with every process that it started."""
        kill_tree(self.process.pid)

    def abandon(self) -> None:
        """Kill ansible-playbook alone: its workers do not notice."""
        send_signal(signal.SIGSTOP, self.process.pid)
        self.left = children(self.process.pid)
        send_signal(signal.SIGKILL, self.process.pid)

    def end(self) -> Run:
        """Wait for its end, and for a while for that of its workers."""
        try:
            finish(self.process)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output.read_text()[-8000:]}") from error
        self._outlive()
        return Run(self.process.returncode, self.output.read_text())

    def _outlive(self) -> None:
        """Let the workers that are left do what they do. Some never end: nobody reads the results that they write."""
        until = time.monotonic() + _OUTLIVED
        while any(is_running(pid) for pid in self.left) and time.monotonic() < until:
            time.sleep(0.2)
        for pid in self.left:
            kill_tree(pid)


@dataclass
class FleetProject(Project):
    """A folder with an inventory of the fleet's machines, group_vars and site.yml.

    old: the table that stands on each machine at first.
    """

    fleet: Fleet = field(kw_only=True)
    old: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prefix = self.fleet.enter()
        self.ssh(port=22)
        self.write("wait", WAIT.format(project=self.path))
        (self.path / "wait").chmod(0o755)
        common = {
            "ansible_user": "ops",
            "ansible_become": True,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {self.path / 'ssh_config'}",
            "ansible_control_path_dir": str(self.fleet.folder / "control"),
        }
        hosts = {
            name: {"ansible_host": MACHINES[name].addresses[0], "egress_addresses": list(MACHINES[name].addresses)}
            for name in HOSTS
        }
        self.write("inventory.yml", {"all": {"vars": common, "children": {"app": {"hosts": hosts}}}})
        self.write("site.yml", SITE)

    def ssh(self, port: int) -> None:
        """Say where the controller's ssh finds sshd, which it reads for new connections only."""
        self.fleet.hang_up()
        self.write("ssh_config", SSH_CONFIG.format(folder=self.fleet.folder, project=self.path, port=port))

    def begin(self, *names: str) -> None:
        """Have machines begin with the old policy, confirmed."""
        others = [name for name in names if not self.machine(name).is_well(self.old[name])]
        if others:
            self.apply("--limit", ",".join(others), **policy("payments"))

    def jump(self, name: str, *, over: str) -> None:
        """Have the controller reach a machine through another one."""
        jumping = f"-F {self.path / 'ssh_config'} -J {MACHINES[over].addresses[0]}"
        self.write(f"host_vars/{name}.yml", {"ansible_ssh_common_args": jumping})

    def machine(self, name: str) -> Machine:
        """One of the fleet's machines."""
        return self.fleet.machines[name]

    def is_back(self, *names: str) -> None:
        """Assert that nothing is pending, the old table stands, it does what it says, and ssh gets in."""
        for name in names:
            machine = self.machine(name)
            assert machine.is_well(self.old[name]), (name, machine.status(), machine.stands())
            # A cable plugged in just now carries nothing until the kernel has noticed and found its neighbours.
            wait_for(machine.reachable, f"a login on {name}")
            reaches_only(machine, *PAYMENTS)

    def begin_run(self, *options: str, playbook: str = "site.yml", held: bool = False, **variables: Any) -> Going:
        """Begin a run with the variables as the group's. held: it waits between a change and its confirmation."""
        if variables:
            self.write("group_vars/app/egress.yml", variables)
        for name in HOSTS:
            trial = self.path / f"trial-{MACHINES[name].addresses[0]}"
            trial.unlink(missing_ok=True)
            trial.symlink_to(self.machine(name).pending)
        environment = {"HELD": "yes" if held else "", "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": "4"}
        # A controller that hangs is ended by SIGABRT, and says then where.
        environment["PYTHONFAULTHANDLER"] = "1"
        handle, name = tempfile.mkstemp(dir=self.path, prefix="output-")
        with os.fdopen(handle, "w") as output:
            return Going(self.start(*options, playbook=playbook, env=environment, stdout=output), Path(name))

    def release(self, name: str, go: bool = True) -> None:
        """Have a run that is held go on with a machine; with False have the next one wait there again."""
        mark = self.path / f"go-{MACHINES[name].addresses[0]}"
        mark.touch() if go else mark.unlink(missing_ok=True)

    def wait_until_held(self, name: str) -> None:
        """Wait until a run that is held has made its change on a machine and would come back to confirm it."""
        wait_for((self.path / f"held-{MACHINES[name].addresses[0]}").exists, f"the change on {name}")

    def play(self, *options: str, playbook: str = "site.yml", **variables: object) -> Run:
        """Run to the end, with the variables as the group's."""
        return self.begin_run(*options, playbook=playbook, held=False, **variables).end()

    def apply(self, *options: str, **variables: Any) -> Run:
        """Run to the end, which must be a good one."""
        return self.play(*options, **variables).ok()


def wait_for_change(machine: Machine, before: str) -> None:
    """Wait until a change is pending and its table is there."""
    what = f"a change on {machine.name}"
    wait_for(lambda: machine.pending.exists() and machine.stands() != before, what)
