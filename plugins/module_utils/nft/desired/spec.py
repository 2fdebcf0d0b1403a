# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired tables as frozen dataclasses, as the parser reads them from a module's arguments.

``where`` is always the path into the arguments that an error about the object names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SetKind = Literal["set", "map", ""]
"""Kind of a set; "" when either will do."""

MissingUsers = Literal["skip", "error"]

Position = Literal["first", "last", "before", "after", ""]

FAMILIES = ("inet", "ip", "ip6", "arp", "bridge", "netdev")


@dataclass(frozen=True)
class ElementSpec:
    """An element of a set or map in nft's language. text: key and options; data: the value of the key in a map."""

    text: str
    data: str | None = None
    where: str = ""

    @property
    def whole(self) -> str:
        """The element as an ``add element`` command has it."""
        return self.text if self.data is None else f"{self.text} : {self.data}"


@dataclass(frozen=True)
class ElementsFile:
    """A file on the host with one element per line. digest: SHA-256 of its content."""

    path: str
    digest: str
    where: str = ""


@dataclass(frozen=True)
class SetSpec:
    """A named set or map.

    declaration: nft's lines between the braces without elements; None: the set must exist and keeps its declaration.
    volatile: elements come and go by themselves (flags dynamic or timeout).
    elements: None: as they are. mode: "exact" (no others), "add" (others stay) or "remove" (these go, others stay).
    source: where the host has more elements, "resolvers" or "". file: lists more elements; it is read only when the
    kernel has not proven that nothing changed, so elements may be None for a set that has a file.
    named: keys (``tokens.declared_key``) of the lines that the task decides, sorted, and "purge" when it decides that;
    the other lines are those of the live set. None: the task decides all.
    """

    kind: SetKind
    name: str
    declaration: tuple[str, ...] | None
    volatile: bool = False
    elements: tuple[ElementSpec, ...] | None = None
    mode: Literal["exact", "add", "remove"] = "exact"
    source: Literal["resolvers", ""] = ""
    file: ElementsFile | None = None
    named: tuple[str, ...] | None = None
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class ObjectSpec:
    """A named counter, quota, limit or other stateful object; declaration: nft's lines between the braces.

    comment: of the task of this object alone, as in TableSpec; else None, and the declaration has it.
    """

    kind: str
    name: str
    declaration: tuple[str, ...]
    comment: str | None = None
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class RuleSpec:
    """A rule. users: names or uids, the rule matches only their sockets; None: no such condition."""

    text: str
    users: tuple[str, ...] | None = None
    missing_users: MissingUsers = "skip"
    where: str = ""


@dataclass(frozen=True)
class RuleEdit:
    """A rule to add to or delete from a chain that others own.

    rule None: only possible with present False. comment: identifies the rule; None: its text does.
    place: "first", "last", "before", "after" (of the rule with the comment anchor) or "" (where it is, else last).
    """

    rule: RuleSpec | None
    comment: str | None = None
    place: Position = ""
    anchor: str = ""
    present: bool = True

    @property
    def rules(self) -> tuple[RuleSpec, ...]:
        """The rule, in a tuple."""
        return () if self.rule is None else (self.rule,)


@dataclass(frozen=True)
class Hook:
    """The hook of a base chain; priority: as a number, smaller first."""

    type: str
    hook: str
    priority: int
    policy: str = "accept"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class HookParts:
    """What a task says of the hook of a chain; None: nothing. base: False for a regular chain."""

    type: str | None = None
    hook: str | None = None
    priority: int | None = None
    policy: str | None = None
    devices: tuple[str, ...] | None = None
    base: bool | None = None


@dataclass(frozen=True)
class ChainSpec:
    """A chain; hook None: a regular one. rules None: as they are.

    parts: in place of hook, what the task says of it; the rest, and a comment that is None, are as in the live chain.
    edit: the only change; the chain must exist.
    """

    name: str
    hook: Hook | None = None
    parts: HookParts | None = None
    comment: str | None = None
    rules: tuple[RuleSpec, ...] | None = None
    edit: RuleEdit | None = None
    present: bool = True
    where: str = ""


@dataclass(frozen=True)
class MaxRemoved:
    """The share of destinations that one run may remove. percent: 0 to 100; sets: shell pattern of their names."""

    percent: int
    sets: str = "*"


@dataclass(frozen=True)
class TableText:
    """A table as a file for ``nft -f``. lines: (line, path for an error in it), without what follows here.

    hooks: (chain, hook) of the base chains. devices: (flowtable, line with its devices).
    """

    family: str
    name: str
    lines: tuple[tuple[str, str], ...]
    hooks: tuple[tuple[str, Hook], ...]
    devices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TableSpec:
    """A table. others: "remove" or "stay", what happens to live objects of the table that the spec does not name.

    comment None: with others "remove" no comment, with "stay" as it is. flags None: as they are. must_exist: another
    module creates the table. text: declares everything, in place of comment, flags, objects, sets and chains.
    """

    family: str
    name: str
    comment: str | None = None
    flags: tuple[str, ...] | None = None
    present: bool = True
    others: Literal["remove", "stay"] = "remove"
    must_exist: bool = False
    objects: tuple[ObjectSpec, ...] = ()
    sets: tuple[SetSpec, ...] = ()
    chains: tuple[ChainSpec, ...] = ()
    max_removed: MaxRemoved | None = None
    text: TableText | None = None
    where: str = ""
