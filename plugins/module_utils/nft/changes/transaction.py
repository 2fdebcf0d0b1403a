# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a transaction, and the changes that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Literal

Action = Literal["add", "delete", "recreate", "move"]

SAMPLE = 20
"""Number of elements that a change shows of each set."""


@dataclass(frozen=True)
class Command:
    """An nft command, on one or more lines; where: path into the arguments for an error in it.

    whole: returns the command as it is sent, when the text is an excerpt for people.
    """

    text: str
    where: str = ""
    whole: Callable[[], str] | None = None

    def sent(self) -> str:
        """Return the command as it is sent."""
        return self.whole() if self.whole else self.text


@dataclass(frozen=True)
class ChangeRecord:
    """An entry of the result: a change of an object.

    action: add, delete, recreate or move. kind: table, chain, rule, set, map, element, counter, quota, limit, …
    """

    action: Action
    kind: str
    place: tuple[tuple[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the change as a module returns it."""
        return {
            "action": self.action,
            "kind": self.kind,
            **{key: value for key, value in self.place if value not in (None, "")},
        }


def change_record(action: Action, kind: str, **place: Any) -> ChangeRecord:
    """Return a change; place: chain, set, name, comment, text, count, sample as they apply."""
    return ChangeRecord(action, kind, tuple(place.items()))


@dataclass(frozen=True)
class ElementsChange:
    """The elements of a set that are deleted (out) and added (new), as nft lists them: (key, whole element)."""

    name: str
    out: tuple[tuple[str, str], ...]
    new: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TablePlan:
    """The changes from one table to another; false when both are equal."""

    commands: tuple[Command, ...] = ()
    changes: tuple[ChangeRecord, ...] = ()
    borrowed: tuple[tuple[str, str, str], ...] = ()
    """(chain, canon, text) of rules that are not part of the task and have to be created anew from nft's listing."""
    respelled: tuple[tuple[str, str, str], ...] = ()
    """(chain, canon, where) of rules of the task that nft lists otherwise than the task spells them."""
    made: tuple[str, ...] = ()
    """Names of the sets that are created, new or anew."""
    elements: tuple[ElementsChange, ...] = ()
    """The changes of elements, when the commands make no other changes; else empty."""

    def __bool__(self) -> bool:
        return bool(self.commands)


@dataclass
class Steps:
    """Commands by their phase of the transaction; a phase depends only on earlier ones.

    Rules are deleted before the objects that they refer to, and created after them; a chain is emptied before it is
    deleted, for kernels that refuse to delete a chain with rules. Chains come before sets: nft sends the elements of a
    new set of intervals together with the set (seen on 1.0.6), and those of a verdict map refer to chains.

    The kernel changes sets of intervals one after the other at the end of a commit, in the order in which the
    transaction first names them (Linux 6.18). So sets that only gain elements come first and those that only lose some
    last: an address that moves from one to the other is never in neither (of a set of 3,000, two packets of three
    changes were rejected otherwise).
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
    respelled: list[tuple[str, str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    changed_elements: list[ElementsChange] = field(default_factory=list)

    def plan(self) -> TablePlan:
        """Return the plan with the phases in their order."""
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
            tuple(self.respelled),
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
