# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four hosts, any changes, anything that goes wrong with them: each always ends in one of two policies, and reachable.

Which of the two is no matter of taste: the new one if and only if the host wrote down that it was confirmed, and a run
that says so must be right.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Mapping

from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import HOSTS, Machine
from ansible_collections.tidegate.nftables.tests.integration.lockout.project import (
    FLOWS,
    FleetProject,
    Going,
    policy,
)
from ansible_collections.tidegate.nftables.tests.support.project import Run
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

SECONDS = 8
"""How long a trial lasts."""
POLICIES = [names for size in (1, 2, 3) for names in itertools.combinations(sorted(FLOWS), size)]
"""What is let through: every choice of the destinations."""


def unplugged(machine: Machine) -> None:
    """The network is lost until the trial is over."""
    machine.cable("down")


def unguarded(machine: Machine) -> None:
    """The network is lost, and so is the guard."""
    machine.cable("down")
    machine.run("systemctl", "stop", "tidegate-rollback-*.timer")


def rebooted(machine: Machine) -> None:
    """Somebody pulls the plug."""
    machine.reboot()


def edited(machine: Machine) -> None:
    """Somebody edits the table that is pending."""
    machine.run("nft", "insert rule inet tidegate egress_output counter accept")


def flushed(machine: Machine) -> None:
    """Somebody flushes everything."""
    machine.run("nft", "flush", "ruleset")


MISHAPS = (unplugged, unguarded, rebooted, edited, flushed)
"""What may happen to a host between a change and its confirmation. None of them lets the change be confirmed."""
ACTS = ("run", "run", "run", "killed", "abandoned", "interrupted", "idle")
"""What happens in a step, as often as it is here: the names of methods of Soak."""


class Soak:
    """The fleet, what is confirmed on each host, and what was done to it so far."""

    def __init__(self, project: FleetProject, seed: int) -> None:
        self.project = project
        self.chance = random.Random(seed)
        self.did: list[str] = []
        first: tuple[str, ...] = ("payments",)
        self.stands = dict.fromkeys(HOSTS, first)
        self.tables = {(name, first): table for name, table in project.old.items()}
        self.confirmations = 0
        self.acts: list[str] = []

    def step(self) -> None:
        """Do something to all hosts, and look at each of them afterwards."""
        names = self.chance.choice(POLICIES)
        # Each of them before any a second time.
        self.acts = self.acts or self.chance.sample(ACTS, len(ACTS))
        act = self.acts.pop()
        self.did.append(f"{act} {'+'.join(names)}")
        events = {name: len(self.project.machine(name).events()) for name in HOSTS}
        run = getattr(self, act)(names)
        for name in HOSTS:
            machine = self.project.machine(name)
            wait_for(machine.is_idle, f"the end of it on {name}", instead=machine.goes_on)
            if "confirmed" in machine.events()[events[name] :]:
                self.stands[name] = names
                self.confirmations += 1
            if run is not None:
                confirmed = run.recap(name)["changed"] == 1
                assert confirmed <= (self.stands[name] == names), f"{name} says that it was not confirmed: {run.output}"
        self.project.fleet.each(self.look)

    def look(self, machine: Machine) -> None:
        """Assert that a host is reachable, and that its table is exactly the one that was confirmed last."""
        names = self.stands[machine.name]
        assert machine.reachable(), machine.name
        assert machine.is_well(self.tables.setdefault((machine.name, names), machine.stands())), machine.status()
        flows = {flow: name in names for name, both in FLOWS.items() for flow in both}
        assert machine.reaches("payd", *flows) == flows, machine.name

    def start(self, names: tuple[str, ...], mishaps: Mapping[str, Callable[[Machine], None]]) -> Going:
        """Begin a run that is held on those hosts that something happens to."""
        for name in HOSTS:
            self.project.release(name, name not in mishaps)
        return self.project.begin_run(held=True, **policy(*names, egress_confirm_timeout=SECONDS))

    def run(self, names: tuple[str, ...]) -> Run:
        """A whole run, during which something happens to some of the hosts."""
        chosen = {name: self.chance.choice([None, *MISHAPS]) for name in HOSTS}
        mishaps = {name: act for name, act in chosen.items() if act is not None and self.stands[name] != names}
        self.did.append(", ".join(f"{name} {act.__name__}" for name, act in mishaps.items()))
        before = {name: len(self.project.machine(name).events()) for name in mishaps}
        going = self.start(names, mishaps)

        def happen(machine: Machine) -> None:
            if machine.name in mishaps:
                if self._is_on_trial(machine, before[machine.name]):
                    mishaps[machine.name](machine)
                self.project.release(machine.name)
                # The run itself waits for a connection that is cut: only then does it hear what became of the change.
                machine.settle()
                machine.cable("up")

        self.project.fleet.each(happen)
        return going.end()

    def _is_on_trial(self, machine: Machine, before: int) -> bool:
        """Wait for the change; False if its trial was over before anybody looked, as on a machine with other work.

        before: how many events the host had noted.
        """

        def is_over() -> bool:
            return "restored" in machine.events()[before:]

        table = self.tables[machine.name, self.stands[machine.name]]
        what = f"a change on {machine.name}"
        wait_for(lambda: (machine.pending.exists() and machine.stands() != table) or is_over(), what)
        return not is_over()

    def killed(self, names: tuple[str, ...]) -> None:
        """The controller disappears at any time."""
        self._ended(names, Going.kill)

    def abandoned(self, names: tuple[str, ...]) -> None:
        """ansible-playbook disappears at any time, its workers go on."""
        self._ended(names, Going.abandon)

    def interrupted(self, names: tuple[str, ...]) -> None:
        """Ctrl-C at any time."""
        self._ended(names, Going.interrupt)

    def _ended(self, names: tuple[str, ...], end: Callable[[Going], None]) -> None:
        going = self.start(names, {})
        time.sleep(self.chance.uniform(0.5, 6))
        end(going)
        going.end()

    def idle(self, _wanted: tuple[str, ...]) -> None:
        """Nobody changes the policy, but something happens all the same."""
        chosen = {name: self.chance.choice([rebooted, flushed]) for name in HOSTS}
        self.did.append(", ".join(f"{name} {act.__name__}" for name, act in chosen.items()))
        self.project.fleet.each(lambda machine: chosen[machine.name](machine))
        self.project.fleet.each(self._back_at_once)

    def _back_at_once(self, machine: Machine) -> None:
        table = self.tables[machine.name, self.stands[machine.name]]
        wait_for(lambda: machine.stands() == table, f"the watcher of {machine.name}")
