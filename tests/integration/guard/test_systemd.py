# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under a real systemd, on each Debian release: the timer that guards, the boot, the watcher, other firewalls' units.

One container for each release, without any network but its own; every test finds the same policy confirmed in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case
from ansible_collections.tidegate.nftables.tests.support.containers import (
    RELEASES,
    image,
    inside,
    new_container,
    podman,
)
from ansible_collections.tidegate.nftables.tests.support.machines import exposure
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import run_tasks
from ansible_collections.tidegate.nftables.tests.support.waiting import run

from .conftest import wait_for

SPEC = {**Case(ROOT / "app-enforce").spec(), "max_removed": None}
CLOSED = {**Case(ROOT / "web-defaults").spec(), "max_removed": None}
OURS = 'comment "database"'
"""In the one policy and not in the other."""


@dataclass
class Machine:
    """A container with systemd as its process 1."""

    name: str
    folder: Path

    def run(self, *words: str, check: bool = True) -> str:
        return run([*inside(self.name), *words], check=check).stdout

    def table(self) -> str:
        return self.run("nft", "list", "table", "inet", "tidegate", check=False)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.run("tidegate", "status", "--json", check=False))
        return status

    def module(self, *tasks: dict[str, Any]) -> list[dict[str, Any]]:
        """Run the module once for each of the arguments, by Ansible, from outside."""
        steps = [
            {"tidegate.nftables.egress_guard": arguments, "register": f"run{number}"}
            for number, arguments in enumerate(tasks)
        ]
        results = run_tasks(
            self.folder,
            steps,
            host=self.name,
            variables={"ansible_connection": "podman_nsenter", "ansible_python_interpreter": "/usr/bin/python3"},
            env={"ANSIBLE_CONNECTION_PLUGINS": str(CHECKOUT / "molecule/shared/connection_plugins")},
            may_fail=True,
        )
        assert not any(result.get("failed") for result in results), results[-1]["msg"]
        return results

    def apply(self, spec: dict[str, Any], *, confirm: bool = True, seconds: float = 30) -> dict[str, Any]:
        tasks: list[dict[str, Any]] = [{"phase": "apply", "tables": [spec], "who": "alice", "timeout": seconds}]
        if confirm:
            tasks.append({"phase": "confirm", "token": "{{ run0.guard.token }}"})
        return self.module(*tasks)[0]

    def reboot(self) -> None:
        podman("restart", "--time", "5", self.name)
        self.settled()

    def settled(self) -> None:
        """Wait until systemd has done what it does at boot."""
        wait_for(lambda: self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"))

    def active(self, unit: str) -> str:
        return self.run("systemctl", "is-active", unit, check=False).strip()


@pytest.fixture(scope="module", params=RELEASES)
def container(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A container of one release, removed afterwards."""
    release = request.param
    name = new_container(f"guard-{release}")
    # With SYS_ADMIN, as on a machine of one's own: without it systemd leaves out what confines the units.
    options = ["--network", "none", "--systemd", "always", "--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN"]
    podman(
        "run",
        "--detach",
        "--name",
        name,
        *options,
        image(release),
        "/lib/systemd/systemd",
    )
    try:
        started = Machine(name, tmp_path_factory.mktemp(release))
        started.settled()
        yield started
    finally:
        podman("rm", "--force", "--time", "0", name)


@pytest.fixture
def machine(container: Machine) -> Machine:
    """The container with the same confirmed policy for every test."""
    if OURS not in container.table() or container.status()["table"] != "confirmed":
        container.apply(SPEC)
    return container


def test_a_first_policy_is_confirmed_and_everything_runs(container: Machine) -> None:
    machine = container
    applied = machine.apply(SPEC)
    assert applied["guard"]["kind"] == "timer"
    assert {file["path"] for file in applied["files"]} >= {
        "/etc/systemd/system/tidegate.service",
        "/etc/systemd/system/sysinit.target.wants/tidegate.service",
        "tidegate-watch.service",
    }
    wait_for(lambda: machine.active("tidegate") == machine.active("tidegate-watch") == "active")
    assert machine.status()["table"] == "confirmed"
    (again,) = machine.module({"phase": "apply", "tables": [SPEC], "who": "alice"})
    assert not again["changed"], again["files"]


def test_systemd_has_nothing_to_say_about_the_units(machine: Machine) -> None:
    folder = "/etc/systemd/system"
    services = ("tidegate", "tidegate-watch", "tidegate-unconfined", "tidegate-why@")
    units = [*(f"{name}.service" for name in services), "tidegate-why.socket"]
    done = run([*inside(machine.name), "systemd-analyze", "verify", *(f"{folder}/{unit}" for unit in units)])
    assert done.stdout + done.stderr == ""


def test_a_user_who_is_not_root_may_ask(machine: Machine) -> None:
    asked = podman("exec", "--user", "nobody", machine.name, "egress-why", "203.0.113.9", "tcp/22", check=False)
    assert re.match(r"203\.0\.113\.9 tcp/22 as nobody: (allowed|rejected)", asked.stdout), asked.stderr + machine.run(
        "journalctl", "--no-pager", "-n", "40", check=False
    )
    assert machine.run("sh", "-c", "grep -q tidegate /usr/local/share/man/man8/tidegate.8 && echo yes") == "yes\n"


def test_a_user_who_asks_too_often_ends_it_for_nobody(machine: Machine) -> None:
    # Beyond 200 in two seconds systemd ends a socket by default, and it stays ended.
    ask = "socket.socket(socket.AF_UNIX).connect('/run/tidegate-why.sock')"
    flood = f"import socket\nfor _ in range(600): {ask}"
    podman("exec", "--user", "nobody", machine.name, "python3", "-c", flood)
    assert machine.active("tidegate-why.socket") == "active"


def test_events_are_in_the_journal_with_their_fields(machine: Machine) -> None:
    machine.run("journalctl", "--sync")
    shown = machine.run("journalctl", "-t", "tidegate", "-o", "json", "TIDEGATE_EVENT=confirmed")
    entry = json.loads(shown.splitlines()[0])
    assert (entry["TIDEGATE_WHO"], entry["PRIORITY"]) == ("alice", "5")


@pytest.mark.parametrize("unit", ["tidegate.service", "tidegate-watch.service", "tidegate-why@1.service"])
def test_the_units_are_confined(machine: Machine, unit: str) -> None:
    assert exposure(machine.run, unit) < 3.0


def test_a_boot_that_cannot_be_confined_still_has_the_policy(machine: Machine) -> None:
    drop_in = "/etc/systemd/system/tidegate.service.d/there.conf"
    machine.run("mkdir", "-p", drop_in.rpartition("/")[0])
    machine.run("sh", "-c", f"printf '[Service]\\nReadWritePaths=/nowhere/at-all\\n' >{drop_in}")
    try:
        machine.reboot()
        assert OURS in machine.table()
    finally:
        machine.run("rm", "-r", drop_in.rpartition("/")[0])
        machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "tidegate")
    assert machine.active("tidegate") == "active"


def test_the_timer_rolls_back_what_nobody_confirms(machine: Machine) -> None:
    applied = machine.apply(CLOSED, confirm=False, seconds=600)
    assert OURS not in machine.table()
    timer = f"tidegate-rollback-{applied['guard']['token']}.timer"
    assert machine.active(timer) == "active"
    # As if its time were over.
    machine.run("sed", "-i", "s/^OnActive.*/OnActiveSec=1/", f"/run/systemd/transient/{timer}")
    machine.run("systemctl", "daemon-reload")
    wait_for(lambda: machine.status()["pending"] is None)
    assert OURS in machine.table()
    # What became of it is written down after that, and the timer ends with its service.
    wait_for(lambda: machine.status()["last"][-1]["event"] == "restored", "the event")
    wait_for(lambda: machine.active(timer) == "inactive", "the end of the timer")


def test_a_confirmation_stops_the_timer(machine: Machine) -> None:
    machine.apply(CLOSED)
    units = machine.run("systemctl", "list-units", "--all", "--no-legend", "tidegate-rollback-*")
    assert units.strip() == ""


def test_the_watcher_does_the_work_of_a_stopped_timer(machine: Machine) -> None:
    applied = machine.apply(CLOSED, confirm=False, seconds=600)
    machine.run("systemctl", "stop", f"tidegate-rollback-{applied['guard']['token']}.timer")
    assert OURS not in machine.table()
    # As if its time were over.
    machine.run("sed", "-i", 's/"deadline": [0-9.]*/"deadline": 1/', "/var/lib/tidegate/pending.json")
    wait_for(lambda: machine.status()["pending"] is None)
    assert OURS in machine.table()


def test_a_reboot_before_the_confirmation_boots_the_old_policy(machine: Machine) -> None:
    machine.apply(CLOSED, confirm=False, seconds=300)
    assert OURS not in machine.table()
    machine.reboot()
    assert OURS in machine.table()
    assert machine.active("tidegate") == "active"
    assert machine.status()["pending"] is None
    assert [event["event"] for event in machine.status()["last"]][-2:] == ["reverted", "booted"]


def test_a_reboot_after_the_confirmation_boots_the_new_policy(machine: Machine) -> None:
    machine.apply(CLOSED)
    machine.reboot()
    assert "chain egress_output" in machine.table()
    assert OURS not in machine.table()


def test_the_table_comes_after_a_loader_that_flushes_and_before_the_network(machine: Machine) -> None:
    # Debian's /etc/nftables.conf begins with a flush of the whole ruleset.
    machine.run("systemctl", "enable", "nftables")
    machine.reboot()
    assert "table inet filter" in machine.run("nft", "list", "tables")
    assert OURS in machine.table()
    shown = machine.run(
        "systemctl", "show", "-p", "ActiveEnterTimestampMonotonic", "nftables", "tidegate", "network-pre.target"
    )
    times = [int(line.split("=")[1]) for line in shown.split()]
    assert times == sorted(times)
    assert all(times)


@pytest.mark.parametrize("how", ["systemctl restart nftables", "nft flush ruleset"])
def test_a_flush_is_repaired_within_five_seconds(machine: Machine, how: str) -> None:
    lost = machine.status()["events"]["lost"]
    machine.run(*how.split())
    wait_for(lambda: OURS in machine.table(), "the policy")
    # It is written down after that.
    assert wait_for(lambda: machine.status()["events"]["lost"] - lost, "the event") == 1


def test_a_damaged_policy_boots_the_failsafe_table_and_the_unit_shows_it(machine: Machine) -> None:
    machine.run(
        "sh", "-c", "cd /var/lib/tidegate; cp -p confirmed.nft /root/kept; head -c 3000 /root/kept >confirmed.nft"
    )
    machine.reboot()
    assert machine.active("tidegate") == "failed"
    assert 'counter name "failsafe"' in machine.table()
    assert machine.active("tidegate-watch") == "active"
    machine.run("cp", "-p", "/root/kept", "/var/lib/tidegate/confirmed.nft")
    machine.run("systemctl", "restart", "tidegate")
    assert OURS in machine.table()


def test_a_boot_without_python_still_has_the_policy(machine: Machine) -> None:
    python = machine.run("readlink", "-f", "/usr/bin/python3").strip()
    machine.run("cp", "-p", "/var/lib/tidegate/confirmed.nft", "/root/kept")
    machine.run("mv", python, f"{python}.hidden")
    try:
        machine.reboot()
        assert machine.active("tidegate") == "failed"
        assert OURS in machine.table()
        machine.run("truncate", "--size", "0", "/var/lib/tidegate/confirmed.nft")
        machine.reboot()
        assert 'counter name "failsafe"' in machine.table()
    finally:
        machine.run("mv", f"{python}.hidden", python)
    machine.run("cp", "-p", "/root/kept", "/var/lib/tidegate/confirmed.nft")
    machine.run("systemctl", "restart", "tidegate")
    assert OURS in machine.table()


def test_absent_leaves_nothing(machine: Machine) -> None:
    (gone,) = machine.module({"phase": "apply", "tables": [{"family": "inet", "name": "tidegate", "state": "absent"}]})
    assert gone["changed"]
    assert machine.table() == ""
    folders = ("/etc", "/usr/local", "/var/lib", "/run")
    left = machine.run("find", *folders, "-ignore_readdir_race", "-name", "*tidegate*")
    assert left.strip() == ""
    wait_for(lambda: machine.active("tidegate-watch") == "inactive", "the end of the watcher")
    assert machine.table() == ""
