# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever becomes of the controller, of the network or of the guard between the change and its confirmation."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable

import pytest

from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import HOSTS, Machine
from ansible_collections.tidegate.nftables.tests.integration.lockout.project import (
    PARTNER,
    PAYMENTS,
    FleetProject,
    Going,
    policy,
    reaches_only,
    wait_for_change,
)
from ansible_collections.tidegate.nftables.tests.integration.lockout.soak import Soak
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

STEPS = int(os.environ.get("TIDEGATE_LOCKOUT_SOAK", "3"))
"""How often something happens to all four hosts."""
SEED = int(os.environ.get("TIDEGATE_LOCKOUT_SEED", "239"))
# Long enough for what is done meanwhile, on a machine with other work.
NEW = policy("partner", egress_confirm_timeout=25)


def killed(_project: FleetProject, _machine: Machine, going: Going) -> None:
    """The controller is gone."""
    going.kill()


def interrupted(_project: FleetProject, _machine: Machine, going: Going) -> None:
    """Somebody presses Ctrl-C."""
    going.interrupt()


def unplugged(project: FleetProject, machine: Machine, _going: Going) -> None:
    """The network is lost for longer than the trial lasts."""
    machine.cable("down")
    project.release(machine.name)


def unguarded(_project: FleetProject, machine: Machine, going: Going) -> None:
    """The controller is gone, and somebody stops the guard as well."""
    going.kill()
    machine.run("systemctl", "stop", "tidegate-rollback-*.timer")


ENDS: dict[str, Callable[[FleetProject, Machine, Going], None]] = dict(
    zip(HOSTS, (killed, interrupted, unplugged, unguarded), strict=True)
)
"""What ends the run of each machine. All at the same time, for each waits for the end of a trial."""


def test_whatever_ends_the_run_on_the_way_ends_in_the_old_policy(project: FleetProject) -> None:
    project.begin(*HOSTS)
    runs = {name: project.begin_run("--limit", name, held=True, **NEW) for name in HOSTS}

    def end_on_the_way(machine: Machine) -> None:
        wait_for_change(machine, project.old[machine.name])
        reaches_only(machine, *PARTNER)
        ENDS[machine.name](project, machine, runs[machine.name])

    # All at once: each has as long as its own change is pending.
    project.fleet.each(end_on_the_way)
    for name in HOSTS:
        project.machine(name).settle()
        project.machine(name).cable("up")
    for name, going in runs.items():
        ended = going.end()
        assert ended.code != 0, (name, ended.output)
        project.is_back(name)
        assert project.machine(name).events()[-1] == "restored"
    run = project.apply("--limit", "app11,bastion12", **NEW)
    assert run.recap("app11")["changed"] == run.recap("bastion12")["changed"] == 1, run.output


def test_a_second_run_while_a_change_is_pending_says_so_and_changes_nothing(project: FleetProject) -> None:
    project.begin("app12")
    machine = project.machine("app12")
    first = project.begin_run("--limit", "app12", held=True, **policy("partner"))
    wait_for_change(machine, project.old["app12"])

    second = project.play("--limit", "app12", **policy("payments", "partner"))

    assert second.code != 0
    assert "is pending on this host" in second.output, second.output
    project.release("app12")
    ended = first.end()
    assert ended.code == 0, ended.output
    assert machine.events()[-1] == "confirmed"
    reaches_only(machine, *PARTNER)


def test_workers_that_outlive_a_killed_controller_confirm_nothing(project: FleetProject) -> None:
    project.begin("app11", "bastion12")
    going = project.begin_run("--limit", "app11,bastion12", held=True, **policy("partner"))
    for name in ("app11", "bastion12"):
        project.wait_until_held(name)
    going.abandon()
    for name in ("app11", "bastion12"):
        project.release(name)
    going.end()
    for name in ("app11", "bastion12"):
        project.machine(name).settle()
        project.is_back(name)
        # At once, by the worker: the rollback timer would have waited for 60 s, and has another reason.
        event = project.machine(name).journal()[-1]
        assert (event["event"], event["why"]) == ("restored", "the controller is gone")


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_reboot_boots_what_was_confirmed(project: FleetProject, confirmed: bool) -> None:
    project.begin("app13")
    machine = project.machine("app13")
    going = project.begin_run("--limit", "app13", held=not confirmed, **policy("partner"))
    if confirmed:
        ended = going.end()
        assert ended.code == 0, ended.output
        new = machine.stands()
    else:
        project.wait_until_held("app13")
        new = ""
    machine.reboot()
    wait_for(machine.reachable, "a login after the boot")
    if confirmed:
        assert machine.is_well(new)
        reaches_only(machine, *PARTNER)
        return
    # The run that goes on finds the host again, but not its change.
    ended = going.end()
    assert ended.code != 0
    assert "the host was restarted" in ended.output, ended.output
    project.is_back("app13")
    reaches_only(machine, *PAYMENTS)


def test_whatever_happens_each_host_is_reachable_and_has_one_of_two_policies(project: FleetProject) -> None:
    project.begin(*HOSTS)
    soak = Soak(project, SEED)
    for number in range(STEPS):
        try:
            soak.step()
        except AssertionError as error:
            message = f"TIDEGATE_LOCKOUT_SEED={SEED}, step {number + 1}: {soak.did}: {error}"
            raise AssertionError(message) from error
        print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} step {number + 1}: {soak.did[-1]}", flush=True)
    assert soak.confirmations > 0


def test_a_host_that_stays_away_is_reported_in_full_without_pipelining_too(project: FleetProject) -> None:
    # Without pipelining Ansible has a folder to remove at the end, and a failure of its own when it cannot.
    project.begin("bastion12")
    machine = project.machine("bastion12")
    slow = ("-e", "ansible_pipelining=false", "-e", "ansible_ssh_timeout=2")
    going = project.begin_run("--limit", "bastion12", *slow, held=True, **policy("partner", egress_confirm_timeout=20))
    wait_for_change(machine, project.old["bastion12"])
    # The module that made the change has said so: what is lost is the way of the next one.
    wait_for(lambda: machine.run("pgrep", "-f", "BECOME-SUCCES[S]", check=False) == "", "the module's end")
    machine.cable("down")
    project.release("bastion12")

    ended = going.end()

    machine.cable("up")
    assert ended.recap("bastion12")["failed"] == 1, ended.output
    assert "could not be reached over a new connection" in ended.output, ended.output
    assert "The host rolls the change back by itself, but it cannot be reached now either." in ended.output
    machine.settle()
    project.is_back("bastion12")
