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
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import HOSTS, Machine
from ansible_collections.tidegate.nftables.tests.integration.lockout.project import (
    FLOWS,
    FleetProject,
    Going,
    policy,
)
from ansible_collections.tidegate.nftables.tests.support.project import Run
from ansible_collections.tidegate.nftables.tests.support.waiting import cpu_ticks, wait_for

SECONDS = 8
"""How long a trial lasts at first."""
LONGEST = 300
"""How long it lasts at most, on a machine so busy that trials end before anybody comes back."""
PATIENCE = 600.0
"""Seconds for a host to come to rest: what goes on there shows no progress, and four hosts share a busy machine."""
LOOK = 0.2
"""Seconds between two looks: hundreds of steps of four hosts, each of which looks, take a machine for themselves."""
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
        self.seconds = SECONDS
        self.late = False
        self.mishaps: dict[str, Callable[[Machine], None]] = {}
        self.acts: list[str] = []

    def step(self) -> None:
        """Do something to all hosts, and look at each of them afterwards."""
        names = self.chance.choice(POLICIES)
        # Each of them before any a second time.
        self.acts = self.acts or self.chance.sample(ACTS, len(ACTS))
        act = self.acts.pop()
        self.did.append(f"{act} {'+'.join(names)}")
        self.late = False
        events = {name: len(self.project.machine(name).events()) for name in HOSTS}
        run = getattr(self, act)(names)
        for name in HOSTS:
            machine = self.project.machine(name)
            wait_for(
                machine.is_idle, f"the end of it on {name}", instead=machine.goes_on, patience=PATIENCE, interval=LOOK
            )
            since = machine.journal()[events[name] :]
            if any(event["event"] == "confirmed" for event in since):
                self.stands[name] = names
                self.confirmations += 1
            if run is not None:
                if name not in self.mishaps and self.stands[name] != names:
                    self._missed(name, since, run)
                confirmed = run.recap(name)["changed"] == 1
                assert confirmed <= (self.stands[name] == names), f"{name} says that it was not confirmed: {run.output}"
        if run is not None and not self.late:
            self.seconds = max(self.seconds // 2, SECONDS)
        self.project.fleet.each(self.look)

    def _missed(self, name: str, since: Sequence[Mapping[str, Any]], run: Run) -> None:
        """Print that nothing disturbed a host and it was not confirmed all the same, as on a machine with other work.

        That is no failure. Where it came back too late, the next trials are longer, until no host is late any more.
        since: what the host has noted in its journal.
        """
        late = [event["why"] for event in since if event["event"] == "restored"]
        if late:
            # Twice as long once, however many hosts were late, and half of it again after a run without such a host.
            self.seconds = self.seconds if self.late else min(self.seconds * 2, LONGEST)
            self.late = True
        reason = f"{late[-1]}; trials last {self.seconds} s from now on" if late else run.output[-4000:]
        print(f"{name} was not confirmed: {reason}", flush=True)

    def look(self, machine: Machine) -> None:
        """Assert that a host is reachable, and that its table is exactly the one that was confirmed last."""
        names = self.stands[machine.name]
        # Again until it is so: a busy machine answers a login or a probe too late, a lockout and a wrong table stay.
        wait_for(machine.reachable, f"a login on {machine.name}", instead=machine.goes_on)
        if (machine.name, names) not in self.tables:
            self.tables[machine.name, names] = machine.stands()
        assert machine.is_well(self.tables[machine.name, names]), machine.status()
        flows = {flow: name in names for name, both in FLOWS.items() for flow in both}

        def reached() -> dict[str, bool]:
            return machine.reaches("payd", *flows)

        wait_for(lambda: reached() == flows, f"{flows} on {machine.name}", instead=reached)

    def start(self, names: tuple[str, ...], mishaps: Mapping[str, Callable[[Machine], None]]) -> Going:
        """Begin a run that is held on those hosts that something happens to."""
        for name in HOSTS:
            self.project.release(name, name not in mishaps)
        return self.project.begin_run(held=True, **policy(*names, egress_confirm_timeout=self.seconds))

    def run(self, names: tuple[str, ...]) -> Run:
        """A whole run, during which something happens to some of the hosts."""
        chosen = {name: self.chance.choice([None, *MISHAPS]) for name in HOSTS}
        mishaps = {name: act for name, act in chosen.items() if act is not None and self.stands[name] != names}
        self.mishaps = dict(mishaps)
        self.did.append(", ".join(f"{name} {act.__name__}" for name, act in mishaps.items()))
        before = {name: len(self.project.machine(name).events()) for name in mishaps}
        going = self.start(names, mishaps)

        def happen(machine: Machine) -> None:
            if machine.name in mishaps:
                if self._is_on_trial(machine, before[machine.name], going):
                    mishaps[machine.name](machine)
                else:
                    del self.mishaps[machine.name]
                self.project.release(machine.name)
                # The run itself waits for a connection that is cut: only then does it hear what became of the change.
                machine.settle()
                machine.cable("up")

        self.project.fleet.each(happen)
        return going.end()

    def _is_on_trial(self, machine: Machine, before: int, going: Going) -> bool:
        """Wait for the change; False if its trial was over before anybody looked, as on a machine with other work.

        before: how many events the host had noted. going: the run, which may also have ended without any trial.
        """
        table = self.tables[machine.name, self.stands[machine.name]]

        def is_there() -> bool:
            return machine.pending.exists() and machine.stands() != table

        def is_over() -> bool:
            return "restored" in machine.events()[before:] or going.process.poll() is not None

        wait_for(
            lambda: is_there() or is_over(),
            f"a change on {machine.name}",
            progress=lambda: cpu_ticks(going.process.pid),
            interval=LOOK,
        )
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
        wait_for(lambda: machine.stands() == table, f"the watcher of {machine.name}", patience=PATIENCE)
