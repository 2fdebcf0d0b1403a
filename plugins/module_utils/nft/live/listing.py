# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read `nft -a -y list table`: nft's text, cut into tables, sets, chains and rules but never interpreted.

Text and not JSON: the JSON of 0.9.8 and 1.0.6 has no auto-merge, dynamic, typeof, chain comment and table comment, and
for a table with flags it is invalid. Rules and elements are compared in nft's words, which are the same for the same
rule in every table (4722, 5737 and 5994 rules of nft's own test suite on the three versions).
"""

from __future__ import annotations

import re
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import hooks, tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .cut import ListingBlock, cut
from .model import NftChain, NftElement, NftObject, NftRule, NftSet, NftTable

_HANDLE = re.compile(r" ?# handle (\d+)$")
_HOOK = re.compile(
    r"type (?P<type>\S+) hook (?P<hook>\S+)"
    r"(?: devices? (?:= )?(?P<devices>\{[^}]*\}|\S+))?"
    r" priority (?P<priority>-?\d+); policy (?P<policy>\w+);"
)
FLAGS = ("dormant", "owner", "persist")
"""Of tables (nft 1.1.3)."""

_OBJECT_STATE = re.compile(r"packets \d+ bytes \d+")


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
    unknown = next((line for line in lines if line.partition(" ")[0] not in ("comment", "flags")), None)
    if unknown is not None:
        raise ValueError(f"{unknown[:60]!r} is an unknown property of the table")
    objects: list[NftObject] = []
    sets: list[NftSet] = []
    chains: list[NftChain] = []
    for block in parts:
        kind, _space, label = block.header.rpartition(" ")
        body = tuple(line for line in block.lines if not line.startswith("# handle"))
        if kind == "chain":
            chains.append(_chain(label, body))
        elif kind in ("set", "map"):
            sets.append(_set("set" if kind == "set" else "map", label, body))
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
    """Return the flags of a table; for a flag that it does not know, nft lists nothing or garbage."""
    return ",".join(flag for flag in line[len("flags ") :].split(",") if flag in FLAGS)


def _comment(lines: list[str]) -> str | None:
    comment_line = next((line for line in lines if line.startswith("comment ")), None)
    return None if comment_line is None else comment_line[len("comment ") :].strip('"')


def _chain(name: str, body: tuple[str, ...]) -> NftChain:
    rules: list[NftRule] = []
    declarations: list[str] = []
    for line in body:
        match = _HANDLE.search(line)
        if match is None and not line.startswith(("type ", "comment ")):
            raise ValueError(f"{line[:60]!r} in chain {name} is unknown")
        if match is None:
            declarations.append(line)
            continue
        text = line[: match.start()]
        rules.append(NftRule(tokens.as_read(tokens.without_state(text)), text, int(match.group(1))))
    hook = next((parse_hook(line) for line in declarations if line.startswith("type ")), None)
    return NftChain(name, hook, _comment(declarations), tuple(rules))


def parse_hook(line: str) -> Hook:
    """Return the hook of a base chain from its line, as listed with numeric priority."""
    match = _HOOK.match(line)
    if match is None:
        raise ValueError(f"not a chain declaration: {line}")
    devices = re.findall(r"[^\s{},\"]+", match["devices"] or "")
    return Hook(match["type"], match["hook"], int(match["priority"]), match["policy"], tuple(sorted(devices)))


def _set(kind: Literal["set", "map"], name: str, body: tuple[str, ...]) -> NftSet:
    declaration = tuple(line for line in body if not line.startswith("elements = {"))
    elements_line = next((line for line in body if line.startswith("elements = {")), "")
    elements = tokens.split_elements(elements_line[len("elements = {") : -1]) if elements_line else []
    return NftSet(kind, name, declaration, declaration, tuple(element(text) for text in elements))


def element(text: str) -> NftElement:
    """Return an element from its text in a listing."""
    if " " not in text:
        return NftElement(text, text, text)
    canon = tokens.without_state(text)
    return NftElement(canon, tokens.element_key(canon), text)


def _object(kind: str, name: str, body: tuple[str, ...]) -> NftObject:
    if kind == "flowtable":
        body = tuple(hooks.devices_line(line) for line in body)
    declaration = tuple(tokens.without_state(line) for line in body if not _OBJECT_STATE.fullmatch(line))
    return NftObject(kind, name, declaration, body)
