# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read `nft -a -y list table`: nft's own text, cut into tables, sets, chains and rules but never interpreted.

Text and not JSON: the JSON of 0.9.8 and 1.0.6 has no auto-merge, dynamic, typeof, chain comment and table comment, and
for a table with flags it is no JSON at all. Rules and elements are compared as the words nft chose for them, which are
the same for the same rule in any table (4722, 5737 and 5994 rules of nft's own test suite on the three versions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import hooks, tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .model import NftChain, NftElement, NftObject, NftRule, NftSet, NftTable

_TOKEN = re.compile(r'"[^"]*"|[{}\n]|[^"{}\n]+')
_HANDLE = re.compile(r" ?# handle (\d+)$")
_INNER_HANDLE = re.compile(r" # handle \d+$")
_HOOK = re.compile(
    r"type (?P<type>\S+) hook (?P<hook>\S+)"
    r"(?: devices? (?:= )?(?P<devices>\{[^}]*\}|\S+))?"
    r" priority (?P<priority>-?\d+); policy (?P<policy>\w+);"
)
FLAGS = ("dormant", "owner", "persist")
"""Of tables (nft 1.1.3)."""

_JOIN, _END = " ", "; "
"""What a line break inside of inner braces becomes: nothing after a comma or the brace, else the end of a statement."""

_OBJECT_STATE = re.compile(r"packets \d+ bytes \d+")


@dataclass(frozen=True)
class ListingBlock:
    """One thing of a listing with braces; lines: what is in them, one statement each, nested braces in line."""

    header: str
    lines: tuple[str, ...]


def cut(listing: str) -> list[ListingBlock]:
    """Cut a listing into its blocks, each table before what is in it. Raise ValueError when it is none."""
    found: list[ListingBlock] = []
    open_blocks: list[tuple[str, list[str], int]] = []
    line: list[str] = []
    depth = 0
    for sign in _TOKEN.findall(listing):
        if sign == "\n":
            _newline(line, open_blocks, depth)
        elif sign == "{" and depth < 2:
            depth += 1
            open_blocks.append((_flush(line), [], len(found)))
            found.append(ListingBlock("", ()))
        elif sign == "}" and not depth:
            raise ValueError("a brace closes that never opened")
        elif sign == "}" and depth <= 2:
            _newline(line, open_blocks, depth)
            header, lines, at = open_blocks.pop()
            found[at] = ListingBlock(header, tuple(lines))
            depth -= 1
        else:
            depth += {"{": 1, "}": -1}.get(sign, 0)
            line.append(sign.lstrip() if line[-1:] in ([_JOIN], [_END]) else sign)
    if depth:
        raise ValueError("braces do not match")
    return found


def _flush(line: list[str]) -> str:
    text = "".join(line).strip()
    line.clear()
    return text


def _newline(line: list[str], open_blocks: list[tuple[str, list[str], int]], depth: int) -> None:
    """End a statement; inside inner braces a line break only separates what is in them."""
    if depth <= 2:
        text = _flush(line)
        if text and open_blocks:
            open_blocks[-1][1].append(text)
        return
    if line:
        line[-1] = _INNER_HANDLE.sub("", line[-1]).rstrip()
    last = next((piece for piece in reversed(line) if piece), "")
    line.append(_JOIN if last.endswith((",", "{")) else _END)


def parse_tables(listing: str) -> list[NftTable]:
    """Return the tables that `nft -a -y list table` printed, in order."""
    try:
        blocks = cut(listing)
        heads = [at for at, block in enumerate(blocks) if block.header.startswith("table ")]
        return [_table(blocks[start:end]) for start, end in zip(heads, [*heads[1:], len(blocks)])]
    except ValueError as error:
        raise EngineError("not_applied", f"nft's listing of the table cannot be read: {error}. {UNCHANGED}") from error


def _table(blocks: list[ListingBlock]) -> NftTable:
    head, *parts = blocks
    _word, family, name = head.header.split()
    lines = [_HANDLE.sub("", line) for line in head.lines if not line.startswith("#")]
    strange = next((line for line in lines if line.partition(" ")[0] not in ("comment", "flags")), None)
    if strange is not None:
        raise ValueError(f"{strange[:60]!r} says something of the table that is not known here")
    objects: list[NftObject] = []
    sets: list[NftSet] = []
    chains: list[NftChain] = []
    for block in parts:
        kind, _space, label = block.header.rpartition(" ")
        body = tuple(line for line in block.lines if not line.startswith("# handle"))
        if kind == "chain":
            chains.append(_chain(label, body))
        elif kind in ("set", "map"):
            sets.append(_set(kind, label, body))
        else:
            objects.append(_object(kind, label, body))
    return NftTable(
        family=family,
        name=name,
        comment=_comment(lines),
        flags=next((_flags(line) for line in lines if line.startswith("flags")), ""),
        objects=tuple(objects),
        sets=tuple(sets),
        chains=tuple(chains),
    )


def _flags(line: str) -> str:
    """Return a table's flags; of those that it does not know an nft lists nothing, or what stands there in memory."""
    return ",".join(flag for flag in line[len("flags ") :].split(",") if flag in FLAGS)


def _comment(lines: list[str]) -> str | None:
    found = next((line for line in lines if line.startswith("comment ")), None)
    return None if found is None else found[len("comment ") :].strip('"')


def _chain(name: str, body: tuple[str, ...]) -> NftChain:
    rules: list[NftRule] = []
    about: list[str] = []
    for line in body:
        found = _HANDLE.search(line)
        if found is None and not line.startswith(("type ", "comment ")):
            raise ValueError(f"{line[:60]!r} in chain {name} is not known here")
        if found is None:
            about.append(line)
            continue
        text = line[: found.start()]
        rules.append(NftRule(tokens.without_state(text), text, int(found.group(1))))
    hook = next((parse_hook(line) for line in about if line.startswith("type ")), None)
    return NftChain(name, hook, _comment(about), tuple(rules))


def parse_hook(line: str) -> Hook:
    """Read a base chain's line, as listed with numeric priority."""
    found = _HOOK.match(line)
    if found is None:
        raise ValueError(f"no chain declaration: {line}")
    devices = re.findall(r"[^\s{},\"]+", found["devices"] or "")
    return Hook(found["type"], found["hook"], int(found["priority"]), found["policy"], tuple(sorted(devices)))


def _set(kind: str, name: str, body: tuple[str, ...]) -> NftSet:
    declaration = tuple(line for line in body if not line.startswith("elements = {"))
    listed = next((line for line in body if line.startswith("elements = {")), "")
    elements = tokens.split_elements(listed[len("elements = {") : -1]) if listed else []
    return NftSet(kind, name, declaration, declaration, tuple(element(text) for text in elements))


def element(text: str) -> NftElement:
    """Return one element as it was listed."""
    if " " not in text:
        return NftElement(text, text, text)
    canon = tokens.without_state(text)
    return NftElement(canon, tokens.element_key(canon), text)


def _object(kind: str, name: str, body: tuple[str, ...]) -> NftObject:
    if kind == "flowtable":
        body = tuple(hooks.devices_line(line) for line in body)
    declaration = tuple(tokens.without_state(line) for line in body if not _OBJECT_STATE.fullmatch(line))
    return NftObject(kind, name, declaration, body)
