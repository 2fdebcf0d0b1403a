# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of one transaction and what they change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable

SAMPLE = 20
"""Elements that a change shows of each set."""


@dataclass(frozen=True)
class Command:
    """One nft command, on one or more lines; where: path into the arguments that an error in it names.

    whole: what makes the command as it is sent, where the text is only as much of it as people want to see.
    """

    text: str
    where: str = ""
    whole: Callable[[], str] | None = None

    def sent(self) -> str:
        """Return the command as it is sent."""
        return self.whole() if self.whole else self.text


@dataclass(frozen=True)
class ChangeRecord:
    """One thing that changes, for people and machines.

    action: add, delete, recreate or move. kind: table, chain, rule, set, map, element, counter, quota, limit, …
    """

    action: str
    kind: str
    place: tuple[tuple[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the change as a module returns it."""
        return {
            "action": self.action,
            "kind": self.kind,
            **{key: value for key, value in self.place if value not in (None, "")},
        }


def change_record(action: str, kind: str, **place: Any) -> ChangeRecord:
    """Return a change; place: chain, set, name, comment, text, count, sample as they apply."""
    return ChangeRecord(action, kind, tuple(place.items()))


@dataclass(frozen=True)
class ElementsChange:
    """What of a set goes and what comes, each as nft lists it: (key, whole element)."""

    name: str
    out: tuple[tuple[str, str], ...]
    new: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TablePlan:
    """What leads from one table to another; nothing when both are the same."""

    commands: tuple[Command, ...] = ()
    changes: tuple[ChangeRecord, ...] = ()
    borrowed: tuple[tuple[str, str, str], ...] = ()
    """(chain, canon, text) of rules nobody gave us that have to be made anew from nft's own listing."""
    made: tuple[str, ...] = ()
    """Sets that are made, new or anew."""
    elements: tuple[ElementsChange, ...] = ()
    """What of the commands is about elements, when all of them are; else nothing."""

    def __bool__(self) -> bool:
        return bool(self.commands)


@dataclass
class Steps:
    """Commands by the phase of the transaction they belong to; a phase only needs what earlier phases did.

    Rules go before what they refer to, and come after it; a chain is emptied before it is deleted, for kernels that
    refuse to delete one with rules in it. Chains come before sets: nft sends the elements of a new set of intervals
    together with the set (seen on 1.0.6), and those of a verdict map refer to chains.

    The kernel changes sets of intervals one after the other at the end of a commit, in the order in which the
    transaction first names them (Linux 6.18). So sets that only gain elements come first and those that only lose some
    last: an address that moves from one to the other is never in neither (of a set of 3,000, two packets of three
    changes were refused otherwise).
    """

    elements_first: list[Command] = field(default_factory=list)
    rules_out: list[Command] = field(default_factory=list)
    chains_emptied: list[Command] = field(default_factory=list)
    elements_out: list[Command] = field(default_factory=list)
    elements_last: list[Command] = field(default_factory=list)
    sets_out: list[Command] = field(default_factory=list)
    chains_out: list[Command] = field(default_factory=list)
    objects_out: list[Command] = field(default_factory=list)
    table: list[Command] = field(default_factory=list)
    objects_in: list[Command] = field(default_factory=list)
    chains_in: list[Command] = field(default_factory=list)
    sets_in: list[Command] = field(default_factory=list)
    elements_in: list[Command] = field(default_factory=list)
    rules_in: list[Command] = field(default_factory=list)
    changes: list[ChangeRecord] = field(default_factory=list)
    borrowed: list[tuple[str, str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    changed_elements: list[ElementsChange] = field(default_factory=list)

    def plan(self) -> TablePlan:
        """Return the phases in their order."""
        phases = [
            self.elements_first,
            self.rules_out,
            self.chains_emptied,
            self.elements_out,
            self.elements_last,
            self.sets_out,
            self.chains_out,
            self.objects_out,
            self.table,
            self.objects_in,
            self.chains_in,
            self.sets_in,
            self.elements_in,
            self.rules_in,
        ]
        commands = tuple(command for phase in phases for command in phase)
        elements = (self.elements_first, self.elements_out, self.elements_last, self.elements_in)
        only_elements = len(commands) == sum(map(len, elements))
        return TablePlan(
            commands,
            tuple(self.changes),
            tuple(self.borrowed),
            tuple(self.made),
            tuple(self.changed_elements) if only_elements else (),
        )


def text(commands: Iterable[Command]) -> str:
    """Return the transaction as it is shown."""
    return "".join(f"{command.text}\n" for command in commands)


def sent(commands: Iterable[Command]) -> str:
    """Return the transaction as it is sent."""
    return "".join(f"{command.sent()}\n" for command in commands)


def where(commands: Iterable[Command], line: int) -> Command | None:
    """Return the command that a line (from 1) of the transaction's text belongs to."""
    for command in commands:
        line -= command.sent().count("\n") + 1
        if line <= 0:
            return command
    return None
