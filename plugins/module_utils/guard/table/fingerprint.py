# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a table only an edit changes: no counters, nothing that ends by itself, no elements that others own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import DENIED_CHAIN, mode_rule

from . import listing as words
from .listing import Block, Listing

_DENIED = re.compile(rf"^\s*chain {DENIED_CHAIN} {{\n(?P<rules>[^}}]*)}}", re.MULTILINE)
_OBSERVES = mode_rule("observe")


def shape(text: str | None, others: Collection[str], *, temporary: bool = False) -> str:
    """Return the shape of a listed table, "" of none. Equal shapes: the same rules, declarations and own elements.

    Sets and the like are in the order of their names, since the kernel keeps them in the order of their making.
    temporary: elements that end by themselves count too, without the time that they have left.
    """
    if text is None:
        return ""
    found = words.change_blocks(words.parse(text), lambda block: _still(block, others, temporary))
    ordered = sorted(found.blocks, key=lambda block: (block.kind, block.name))
    return words.zeroed(words.render(replace(found, blocks=tuple(ordered))))


def outline(text: str | None, _others: Collection[str]) -> str:
    """Return what two versions of nft list alike of a table: its blocks, and how many rules each chain has."""
    if text is None:
        return ""
    blocks = words.parse(text).blocks
    return "\n".join(sorted(f"{block.kind} {block.name} {_rules(block)}" for block in blocks))


def observes(text: str) -> bool:
    """Whether a listed table lets out what no entry allows: all that its chain egress_denied does is to count it."""
    found = _DENIED.search(text)
    rules = [line for line in (found["rules"] if found is not None else "").splitlines() if line.strip()]
    return bool(rules) and all(line.endswith(_OBSERVES) for line in rules)


def owned_by_others(block: Block, others: Collection[str]) -> bool:
    """Whether a set's elements are not the policy's: packets write them, or the policy gives none."""
    return block.dynamic or (block.kind in ("set", "map") and block.name in others)


def compiled(text: str, others: Collection[str]) -> str:
    """Return a listing as a boot should load it: counters at 0, without the elements of others."""
    listing = words.change_blocks(words.parse(text), lambda block: _without(block, others))
    return words.zeroed(words.render(listing))


def carried(wanted: Listing, live: Listing) -> Listing:
    """Return the wanted table with the counters of each rule, counter and element that the live one has alike."""

    def alive(block: Block) -> Block:
        other = live.block(block.kind, block.name)
        if other is None:
            return block
        if block.kind != "chain":
            # A counter's or quota's value is a line of its declaration.
            same = [words.zeroed(line) for line in other.lines] == [words.zeroed(line) for line in block.lines]
            lines = other.lines if same else block.lines
            return replace(block, lines=lines, elements=tuple(_take(block.elements, other.elements)))
        return replace(block, lines=tuple("\n".join(_take(words.rules(block), words.rules(other))).split("\n")))

    return words.change_blocks(wanted, lambda block: alive(block) if block.lines else block)


def _rules(block: Block) -> int:
    return len(words.rules(block)) if block.kind == "chain" else 0


def _take(wanted: Collection[str], live: Collection[str]) -> list[str]:
    """Return each wanted text as the live one has it, numbers included; each live one is used once."""
    stock: dict[str, list[str]] = {}
    for text in live:
        stock.setdefault(words.zeroed(text), []).append(text)
    found = []
    for text in wanted:
        alike = stock.get(words.zeroed(text))
        found.append(alike.pop(0) if alike else text)
    return found


def _still(block: Block, others: Collection[str], temporary: bool) -> Block:
    if not block.elements:
        return block
    if owned_by_others(block, others):
        return replace(block, elements=())
    if temporary:
        return replace(block, elements=tuple(map(words.timeless, block.elements)))
    return replace(block, elements=tuple(element for element in block.elements if not words.temporary(element)))


def _without(block: Block, others: Collection[str]) -> Block:
    return replace(block, elements=()) if owned_by_others(block, others) else block
