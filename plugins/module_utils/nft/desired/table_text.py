# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a file for ``nft -f`` that declares one table: its lines without hooks, and the hooks.

nft itself reads everything else, in a scratch table, which must have no hooks because packets would meet it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Callable, Iterator, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, hooks, rule_addresses, validate
from .spec import FAMILIES, Hook, TableText

_TABLE = re.compile(r"(?:add\s+)?table\s+(?:(?P<family>\w+)\s+)?(?P<name>\S+)")
_HOOK = re.compile(
    r"type\s+(?P<type>\S+)\s+hook\s+(?P<hook>\S+)(?:\s+devices?\s*(?:=\s*)?(?P<devices>\{[^}]*\}|\S+))?"
    r"\s+priority\s+(?P<priority>.+)"
)
_MARKS = re.compile(r'"[^"\n]*"|#[^\n]*|\\\n|[{};\n]')
_REMARK = re.compile(r'("[^"\n]*")|#[^\n]*|\\\n')
_DEVICE = re.compile(r"[^\s{},\"=]+")


class _Statement(NamedTuple):
    """A statement or header of a block. start, end: offsets in the text; path: headers of the blocks around it.

    opens: whether its block follows. closes: it is the brace that ends a table.
    """

    text: str
    start: int
    end: int
    path: tuple[str, ...]
    opens: bool
    closes: bool


def read(text: str, where: str) -> TableText:
    """Return the one table that a text declares. Raise with the line of what a task cannot have."""
    reader = _Reader(text, where)
    for statement in _statements(text, reader.place):
        reader.take(statement)
    return reader.table()


class _Reader:
    """Takes the statements of a text in order; kept: the text that nft reads, hooks and table braces blanked."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        self._kept = list(text)
        self._table: tuple[str, str] | None = None
        self._hooks: dict[str, Hook] = {}
        self._policies: dict[str, str] = {}
        self._devices: dict[str, str] = {}

    def place(self, at: int) -> str:
        """Return where the statement at an offset is, for an error."""
        return f"{self._where}:{self._text.count(chr(10), 0, at) + 1}"

    def take(self, statement: _Statement) -> None:
        """Take a statement, the header of a block, or the brace that closes a table."""
        if statement.text.startswith("include "):
            raise bad_spec(self.place(statement.start), "The text includes a file. Fix: write the content here.")
        if not statement.path:
            self._top(statement)
        elif statement.closes:
            self._blank(statement)
        elif len(statement.path) == 2 and not statement.opens:
            self._inside(statement, *statement.path[1].split(None, 1))

    def _top(self, statement: _Statement) -> None:
        if statement.text.startswith("define "):
            return
        place = self.place(statement.start)
        match = _TABLE.fullmatch(statement.text)
        if match is None or not statement.opens:
            raise bad_spec(
                place,
                f"`{statement.text[:80]}` is no part of a table's declaration. The task owns this table whole and no "
                "other, so nothing needs to be flushed, deleted or added. Fix: remove it; only 'table inet NAME { … }' "
                "and 'define' stay.",
            )
        table = (arguments.choice(match["family"] or "ip", place, FAMILIES), validate.name(match["name"], place))
        if self._table not in (None, table):
            raise bad_spec(place, "A second table begins here. Fix: hand it over as an item of its own.")
        self._table = table
        self._blank(statement)

    def _inside(self, statement: _Statement, kind: str, name: str = "") -> None:
        if kind == "chain" and statement.text.startswith("type "):
            self._hooks[name] = self._hook(statement)
        elif kind == "chain" and statement.text.startswith("policy "):
            place = self.place(statement.start)
            self._policies[name] = arguments.choice(statement.text.split()[1], place, ("accept", "drop"))
        elif kind == "flowtable" and statement.text.startswith("devices"):
            self._devices[name] = hooks.devices_line(statement.text)
        else:
            if kind == "chain":
                rule_addresses.check(statement.text, self.place(statement.start))
            return
        self._blank(statement)

    def _hook(self, statement: _Statement) -> Hook:
        place = self.place(statement.start)
        match = _HOOK.fullmatch(statement.text)
        if match is None or "$" in statement.text:
            raise bad_spec(
                place, f"`{statement.text[:80]}` is no hook without variables. Fix: write 'type T hook H priority P;'."
            )
        family = self._table[0] if self._table else "inet"
        devices = tuple(sorted(_DEVICE.findall(match["devices"] or "")))
        return Hook(match["type"], match["hook"], hooks.priority(match["priority"], family, place), devices=devices)

    def _blank(self, statement: _Statement) -> None:
        for at in range(statement.start, statement.end):
            if self._kept[at] != "\n":
                self._kept[at] = " "

    def table(self) -> TableText:
        """Return the table that the statements declared."""
        if self._table is None:
            raise bad_spec(self._where, "The text declares no table. Fix: write 'table inet NAME { … }'.")
        lines = "".join(self._kept).split("\n")
        placed = ((line.rstrip(), f"{self._where}:{number}") for number, line in enumerate(lines, 1))
        named = {name: replace(hook, policy=self._policies.get(name, "accept")) for name, hook in self._hooks.items()}
        kept = tuple(line for line in placed if line[0])
        return TableText(*self._table, kept, tuple(named.items()), tuple(self._devices.items()))


def _statements(text: str, place: Callable[[int], str]) -> Iterator[_Statement]:
    """Yield statements, headers of blocks, and the closing braces of tables, in order. place: of an offset."""
    path: list[str] = []
    inner = start = 0
    for match in _MARKS.finditer(text):
        mark, at = match.group(), match.start()
        if mark[0] in '"#\\':
            continue
        statement = _plain(text[start:at])
        inner, was_inner = inner + _opens_inside(mark, statement, len(path), inner), bool(inner)
        if inner or was_inner:
            continue
        if statement:
            begin = start + len(text[start:at]) - len(text[start:at].lstrip())
            yield _Statement(statement, begin, at + (mark in "{;"), tuple(path), mark == "{", closes=False)
        start = match.end()
        if mark == "{":
            path.append(statement)
        elif mark == "}":
            if not path:
                raise bad_spec(place(at), "A brace closes a block that none opened.")
            if len(path) == 1:
                yield _Statement("}", at, at + 1, tuple(path), opens=False, closes=True)
            path.pop()
    if path or inner:
        raise bad_spec(place(len(text)), "The text ends inside of a block. Fix: close it with '}'.")


def _opens_inside(mark: str, statement: str, depth: int, inner: int) -> int:
    """Return by how much a mark changes the depth of braces that belong to a statement, not to a block."""
    if mark == "{":
        return int(bool(inner) or depth == 2 or statement.startswith("define "))
    return -1 if mark == "}" and inner else 0


def _plain(text: str) -> str:
    """Return a statement on one line, without remarks."""
    return " ".join(_REMARK.sub(lambda match: match.group(1) or " ", text).split())
