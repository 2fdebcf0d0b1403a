# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of one table: chains, rules, statements, the expressions that rules compare, and the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

VerdictKind = Literal["accept", "drop", "reject", "queue", "return", "continue", "jump", "goto"]


_SHOWN = 4
"""Elements that a message writes out."""


class NotModelled(Exception):
    """An expression or a value that its reader has no model for; the message names it."""


@dataclass(frozen=True)
class Meta:
    """What nf_tables knows about a packet beside its bytes, such as skuid or oifname."""

    key: str

    def __str__(self) -> str:
        return f"meta {self.key}"


@dataclass(frozen=True)
class Payload:
    """One header field, such as tcp dport. Protocol "th" stands for every protocol with ports."""

    protocol: str
    field: str

    def __str__(self) -> str:
        return f"{self.protocol} {self.field}"


@dataclass(frozen=True)
class ConnTrack:
    """What connection tracking knows about a packet. direction: "", "original" or "reply"."""

    key: str
    direction: str = ""

    def __str__(self) -> str:
        return " ".join(word for word in ("ct", self.direction, self.key) if word)


@dataclass(frozen=True)
class Fib:
    """What the kernel's routes say about a packet: `fib daddr type`. keys: the fields that are looked up."""

    result: str
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"fib {' . '.join(self.keys)} {self.result}"


@dataclass(frozen=True)
class Cgroup:
    """The cgroup of a packet's socket, at a level of the tree of cgroup v2; 1 is below the root."""

    level: int

    def __str__(self) -> str:
        return f"socket cgroupv2 level {self.level}"


@dataclass(frozen=True)
class Masked:
    """An expression with only the bits of a mask left."""

    expression: Expression
    mask: Value

    def __str__(self) -> str:
        return f"{self.expression} & {self.mask}"


@dataclass(frozen=True)
class Concatenation:
    """Several expressions that are compared with one value each."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " . ".join(str(part) for part in self.parts)


@dataclass(frozen=True)
class UnknownExpression:
    """An expression without a type of its own. text: its kind and what is written in it."""

    text: str

    def __str__(self) -> str:
        return self.text


Expression = Meta | Payload | ConnTrack | Fib | Cgroup | Masked | Concatenation | UnknownExpression


@dataclass(frozen=True)
class Prefix:
    """A network."""

    address: str
    length: int

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


@dataclass(frozen=True)
class Range:
    """From one value to another, both included."""

    first: int | str
    last: int | str

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True)
class ConcatenatedValue:
    """One value for each part of a Concatenation."""

    parts: tuple[Value, ...]

    def __str__(self) -> str:
        return " . ".join(str(part) for part in self.parts)


@dataclass(frozen=True)
class BitUnion:
    """Bits or states, any of them: `established,related`, or `fin | syn`."""

    bits: tuple[Value, ...]

    def __str__(self) -> str:
        return _some(self.bits, ",")


@dataclass(frozen=True)
class AnonymousSet:
    """The elements that a rule writes between braces."""

    elements: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{{ {_some(self.elements, ', ')} }}"


@dataclass(frozen=True)
class SetReference:
    """A named set or map."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True)
class UnknownValue:
    """A value without a type of its own, as text."""

    text: str

    def __str__(self) -> str:
        return self.text


def _some(values: tuple[Value, ...], separator: str) -> str:
    """Return the first few values for a message."""
    return separator.join([*(str(value) for value in values[:_SHOWN]), *(["…"] if len(values) > _SHOWN else [])])


Value = int | str | Prefix | Range | ConcatenatedValue | BitUnion | AnonymousSet | SetReference | UnknownValue


@dataclass(frozen=True)
class Match:
    """A comparison that lets a packet go on in its rule or not. operator: ==, !=, <, <=, >, >= or in."""

    left: Expression
    operator: str
    right: Value


@dataclass(frozen=True)
class Verdict:
    """What ends a rule. target: the chain of a jump or goto, "" for all others."""

    kind: VerdictKind
    target: str = ""


@dataclass(frozen=True)
class VerdictMap:
    """A lookup whose result is a verdict. data: a named map, or the pairs that the rule writes between braces."""

    key: Expression
    data: SetReference | tuple[tuple[Value, Verdict], ...]


MARKING = "ct mark set"
"""The name of the statement that writes the mark of a connection, which has none of its own in JSON."""


@dataclass(frozen=True)
class OtherStatement:
    """Any other statement by its name in JSON: counter, log, limit, xt, …"""

    name: str


Statement = Match | Verdict | VerdictMap | OtherStatement


@dataclass(frozen=True)
class Rule:
    """The statements of a rule in their order."""

    statements: tuple[Statement, ...]
    comment: str = ""


@dataclass(frozen=True)
class Chain:
    """A chain and its rules. hook: "" for a chain that is only jumped to. kind: filter, nat or route."""

    name: str
    rules: tuple[Rule, ...] = ()
    hook: str = ""
    kind: str = "filter"
    policy: str = "accept"


@dataclass(frozen=True)
class NamedSet:
    """A set. changing: its elements come and go without any change of the ruleset (timeout, dynamic)."""

    elements: tuple[Value, ...] = ()
    changing: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table.

    chains, sets: by name. maps: the pairs of verdict maps by name. dormant: nf_tables sends the table no packet.
    """

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict)
    sets: Mapping[str, NamedSet] = field(default_factory=dict)
    maps: Mapping[str, tuple[tuple[Value, Verdict], ...]] = field(default_factory=dict)
    dormant: bool = False

    def chains_at(self, hook: str) -> list[Chain]:
        """Return the chains at a hook, of every type; none of a dormant table."""
        return [chain for chain in self.chains.values() if chain.hook == hook and not self.dormant]

    def elements(self, value: Value) -> tuple[Value, ...]:
        """Return the elements of a set, named or not, and a single value as the only element.

        Raises NotModelled for a set that the table does not list.
        """
        if isinstance(value, AnonymousSet):
            return value.elements
        if not isinstance(value, SetReference):
            return (value,)
        if value.name not in self.sets:
            raise NotModelled(f"the set {value}")
        return self.sets[value.name].elements

    def pairs(self, verdict_map: VerdictMap) -> tuple[tuple[Value, Verdict], ...]:
        """Return the keys of a verdict map with their verdicts. Raises NotModelled for a map that is not listed."""
        if isinstance(verdict_map.data, tuple):
            return verdict_map.data
        if verdict_map.data.name not in self.maps:
            raise NotModelled(f"the map {verdict_map.data}")
        return self.maps[verdict_map.data.name]
