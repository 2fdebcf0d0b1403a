# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies applied over ssh: those that stay, those that shut the controller out, and those whose tests fail."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.molecule.shared.lab import MACHINES
from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import HOSTS, Machine
from ansible_collections.tidegate.nftables.tests.integration.lockout.project import (
    PARTNER,
    PAYMENTS,
    SITE,
    FleetProject,
    policy,
    reaches_only,
)
from ansible_collections.tidegate.nftables.tests.support.project import Run
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

MEDDLING = """table inet meddling {
    chain leaving { type filter hook output priority 10; ip daddr 203.0.113.10 drop; }
}
"""
SHUT = """table inet meddling {
    chain arriving { type filter hook input priority 10; tcp dport 22 ct state new drop; }
}
"""
PAYMENTS_TEST = [{"name": "payments-answer", "reach": "203.0.113.10", "services": ["udp/443"], "user": "payd"}]
DEAF = {
    "family": "inet",
    "name": "tidegate",
    "chains": [
        {"name": "deaf", "type": "filter", "hook": "output", "priority": "filter", "policy": "drop", "rules": []}
    ],
}
GUARD = """
- hosts: app12
  gather_facts: false
  vars: {deaf: %s}
  tasks:
    - tidegate.nftables.egress_guard: {phase: apply, tables: ["{{ deaf }}"], who: somebody, timeout: 15}
      register: applied
    - ansible.builtin.meta: reset_connection
    - tidegate.nftables.egress_guard: {phase: confirm, token: "{{ applied.guard.token }}"}
"""


def meddle(machine: Machine, table: str) -> None:
    """Have something else load a table as soon as a change is pending."""
    machine.run("sh", "-c", f"cat >/root/meddling <<'END'\n{table}\nEND")
    begun = "--path-property=PathExists=/var/lib/tidegate/candidate.nft"
    machine.run("systemd-run", "--quiet", "--unit", "meddle", begun, "nft", "-f", "/root/meddling")


def play_meddled(project: FleetProject, machine: Machine, **variables: Any) -> Run:
    """Run to the end, which comes to confirm its change only after something else has loaded its table."""
    going = project.begin_run("--limit", machine.name, held=True, **variables)
    loaded = partial(machine.run, "nft", "list", "tables")
    wait_for(lambda: "inet meddling" in loaded(), "the table of something else", process=going.process)
    project.release(machine.name)
    return going.end()


def end_meddling(machine: Machine) -> None:
    """Take it away."""
    stop = "systemctl stop meddle.path meddle.service; systemctl reset-failed; nft delete table inet meddling"
    machine.run("sh", "-c", stop, check=False)


def test_one_task_applies_and_confirms_on_every_release(project: FleetProject) -> None:
    run = project.apply(**policy("partner", "stranger"))

    assert "confirmed over a new SSH connection" in run.output, run.output
    for name in HOSTS:
        machine = project.machine(name)
        assert run.recap(name)["changed"] == 1, run.output
        assert machine.events()[-1] == "confirmed"
        assert machine.status()["table"] == "confirmed"
        assert not machine.has_pending_change()
        reaches_only(machine, *PARTNER)
        wait_for(machine.reachable, "a login")
    again = project.apply()
    assert {again.recap(name)["changed"] for name in HOSTS} == {0}, again.output


def test_through_a_jump_host_that_changes_too_and_in_turns(project: FleetProject) -> None:
    project.write("site.yml", SITE.replace("gather_facts", "serial: [1, 100%]\n  order: inventory\n  gather_facts"))
    ssh = {"name": "jump", "to": ["hosts:app"], "services": ["ssh"]}

    def jumping(*names: str) -> dict[str, Any]:
        policies = policy(*names)
        return {**policies, "egress_allow_app": [*policies["egress_allow_app"], ssh]}

    project.apply("--limit", "bastion12", **jumping("payments"))
    before = {name: len(project.machine(name).events()) for name in HOSTS}
    project.jump("app13", over="bastion12")
    project.fleet.hang_up()

    run = project.apply(**jumping("payments", "partner"))

    assert {run.recap(name)["changed"] for name in HOSTS} == {1}, run.output
    for name in HOSTS:
        assert project.machine(name).events()[before[name] :] == ["confirmed"]
        wait_for(project.machine(name).reachable, "a login")
        reaches_only(project.machine(name), *PAYMENTS, *PARTNER)


def test_a_policy_that_lets_no_new_connection_in_is_refused(project: FleetProject) -> None:
    # The role keeps port 22 open, but this controller uses 2222, by ssh's own configuration.
    project.begin("app13")
    project.ssh(port=2222)
    before = project.machine("app13").events()
    site = [{"name": "site", "from": "any", "services": ["https"]}]

    run = project.play("--limit", "app13", **policy("partner", egress_inbound_allow=site))

    assert run.code != 0
    assert "new connections from 10.94.0.1 to port 2222" in run.output, run.output
    assert project.machine("app13").events() == before
    wait_for(lambda: project.machine("app13").ssh("true", port=2222), "a login on the other port")
    project.is_back("app13")


def test_a_change_after_which_no_new_connection_comes_in_is_rolled_back(project: FleetProject) -> None:
    # The connection that stays open (ControlPersist) would not notice.
    project.begin("app13")
    machine = project.machine("app13")
    meddle(machine, SHUT)
    try:
        run = play_meddled(project, machine, **policy("partner", egress_confirm_timeout=8))
        assert run.code != 0
        assert "could not be reached over a new connection" in run.output, run.output
        machine.settle()
        assert machine.is_well(project.old["app13"])
    finally:
        end_meddling(machine)
    project.is_back("app13")


def test_a_policy_that_drops_replies_is_rolled_back_in_time(project: FleetProject) -> None:
    project.begin("app12")
    machine = project.machine("app12")
    project.write("deaf.yml", GUARD % DEAF)
    going = project.begin_run(playbook="deaf.yml")
    wait_for(lambda: "chain deaf" in machine.stands(), "the change")
    assert not machine.ssh("true")
    assert not machine.ssh("true", version=6)

    wait_for(machine.reachable, "the way back")

    run = going.end()
    assert run.code != 0
    assert "The change was rolled back" in run.output, run.output
    project.is_back("app12")


@pytest.fixture
def meddled(project: FleetProject) -> Iterator[Machine]:
    """A machine on which something else refuses payments as soon as a change is pending."""
    project.begin("app12")
    machine = project.machine("app12")
    meddle(machine, MEDDLING)
    try:
        yield machine
    finally:
        end_meddling(machine)


def test_a_change_whose_tests_fail_goes_back_and_says_what_is_not_reached(
    project: FleetProject, meddled: Machine
) -> None:
    run = play_meddled(project, meddled, **policy("payments", "partner", egress_tests_app=PAYMENTS_TEST))

    assert run.code != 0
    assert "the new policy rejects payments-answer (203.0.113.10 udp/443 as payd)" in run.output, run.output
    assert meddled.events()[-1] == "restored"
    assert meddled.is_well(project.old["app12"])
    wait_for(meddled.reachable, "a login")
    reaches_only(meddled, PAYMENTS[1])


def test_what_failed_before_the_change_does_not_stop_it(project: FleetProject, meddled: Machine) -> None:
    meddled.run("nft", "-f", "/root/meddling")

    run = project.apply("--limit", "app12", **policy("payments", "partner", egress_tests_app=PAYMENTS_TEST))

    assert run.recap("app12")["changed"] == 1
    assert "payments-answer" in run.output, run.output
    assert meddled.events()[-1] == "confirmed"
    reaches_only(meddled, PAYMENTS[1], *PARTNER)


def test_an_unknown_user_opens_nothing_and_locks_nobody_out(project: FleetProject) -> None:
    names = ("payments", "partner")
    entries = [
        {"name": name, "to": list(MACHINES[name].addresses), "services": ["https"], "users": [user]}
        for name, user in zip(names, ("payd", "nobody-here"), strict=True)
    ]

    run = project.apply("--limit", "app11", **{**policy(), "egress_allow_app": entries})

    assert "nobody-here" in run.output, run.output
    wait_for(project.machine("app11").reachable, "a login")
    reaches_only(project.machine("app11"), *PAYMENTS)
    strict = project.play(
        "--limit", "app11", **{**policy(egress_missing_users="error"), "egress_allow_app": entries[::-1]}
    )
    assert strict.code != 0
    assert "nobody-here" in strict.output
    reaches_only(project.machine("app11"), *PAYMENTS)
