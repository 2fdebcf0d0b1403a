# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted, as frozen dataclasses: what the parser makes of a module's arguments.

``where`` is always the path into the arguments that an error about the thing names.
"""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = ("inet", "ip", "ip6", "arp", "bridge", "netdev")


@dataclass(frozen=True)
class ElementSpec:
    """One element of a set or map in nft's words. text: key and options; data: what a map maps the key to."""

    text: str
    data: str | None = None
    where: str = ""

    @property
    def whole(self) -> str:
        """The element as it is added."""
        return self.text if self.data is None else f"{self.text} : {self.data}"


@dataclass(frozen=True)
class ElementsFile:
    """A file on the host with one element a line. digest: what is the same only for the same content."""

    path: str
    digest: str
    where: str = ""


@dataclass(frozen=True)
class SetSpec:
    """A named set or map.

    declaration: nft's lines between the braces without elements; None: as it is in the kernel, where it must be.
    volatile: elements come and go by themselves (flags dynamic or timeout).
    elements: None: as they are. mode: "exact" (no others), "add" (others stay) or "remove" (these go, others stay).
    source: what on the host has more elements, "resolvers" or "". file: what on the host lists more elements; it is
    read when the kernel has not proven that nothing changed, so elements may be None although some are asked for.
    """

    kind: str
    name: str
    declaration: tuple[str, ...] | None
    volatile: bool = False
    elements: tuple[ElementSpec, ...] | None = None
    mode: str = "exact"
    source: str = ""
    file: ElementsFile | None = None
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class ObjectSpec:
    """A named counter, quota, limit or another stateful object; declaration: nft's lines between the braces."""

    kind: str
    name: str
    declaration: tuple[str, ...]
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class RuleSpec:
    """One rule. users: names or uids whose sockets alone it is about; None: no such condition."""

    text: str
    users: tuple[str, ...] | None = None
    missing_users: str = "skip"
    where: str = ""


@dataclass(frozen=True)
class RuleEdit:
    """One rule to put into or take out of a chain that others own.

    rule None: only possible with present False. comment: what the rule is found by; None: by what it says.
    place: "first", "last", "before", "after" (of the rule with the comment anchor) or "" (where it is, else last).
    """

    rule: RuleSpec | None
    comment: str | None = None
    place: str = ""
    anchor: str = ""
    present: bool = True


@dataclass(frozen=True)
class Hook:
    """What makes a chain a base chain; priority as the kernel counts it, smaller first."""

    type: str
    hook: str
    priority: int
    policy: str = "accept"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChainSpec:
    """A chain; hook None: a regular one. rules None: as they are.

    edit: leave everything as it is but one rule; the chain must be there.
    """

    name: str
    hook: Hook | None = None
    comment: str | None = None
    rules: tuple[RuleSpec, ...] | None = None
    edit: RuleEdit | None = None
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class MaxRemoved:
    """How much of what sets hold may go in one run. percent: 0 to 100; sets: shell pattern of their names."""

    percent: int
    sets: str = "*"


@dataclass(frozen=True)
class TableSpec:
    """A table. others: "remove" or "stay": what is in the kernel's table and not named here.

    comment None: with others "remove" no comment, with "stay" as it is. flags None: as they are. must_exist: another
    module makes the table.
    """

    family: str
    name: str
    comment: str | None = None
    flags: tuple[str, ...] | None = None
    present: bool = True
    others: str = "remove"
    must_exist: bool = False
    objects: tuple[ObjectSpec, ...] = ()
    sets: tuple[SetSpec, ...] = ()
    chains: tuple[ChainSpec, ...] = ()
    max_removed: MaxRemoved | None = None
    where: str = ""
