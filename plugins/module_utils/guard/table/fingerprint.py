# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare tables by what only an edit changes: no counters, no elements that expire or that the policy does not own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import DENIED_CHAIN, mode_rule

from . import blocks, lifetimes
from .blocks import Block, Listing

_DENIED = re.compile(rf"^\s*chain {DENIED_CHAIN} {{\n(?P<rules>[^}}]*)}}", re.MULTILINE)
_OBSERVES = mode_rule("observe")


def shape(text: str | None, others: Collection[str], *, expiring: bool = False) -> str:
    """Return the shape of a listed table, "" for None. Equal shapes: the same rules, declarations and own elements.

    others: sets whose elements the policy does not own. expiring: include elements that expire, without their time
    left. Blocks are in the order of their names, since nft_tables keeps sets in the order of their creation.
    """
    if text is None:
        return ""
    listing = blocks.change_blocks(blocks.parse(text), lambda block: _comparable(block, others, expiring))
    ordered = sorted(listing.blocks, key=lambda block: (block.kind, block.name))
    return blocks.zeroed(blocks.render(replace(listing, blocks=tuple(ordered))))


def outline(text: str | None, _others: Collection[str]) -> str:
    """Return what all versions of nft list alike: the blocks of a table, and how many lines each chain has."""
    if text is None:
        return ""
    return "\n".join(
        sorted(
            f"{block.kind} {block.name} {len(block.lines) if block.kind == 'chain' else 0}"
            for block in blocks.parse(text).blocks
        )
    )


def observes(text: str) -> bool:
    """Return whether a listed table is in mode observe: its chain of denied packets only counts them."""
    # Not parsed: this is asked of every policy in the history, and one may have a hundred thousand elements.
    chain = _DENIED.search(text)
    rules = [line for line in (chain["rules"] if chain is not None else "").splitlines() if line.strip()]
    return bool(rules) and all(line.endswith(_OBSERVES) for line in rules)


def owned_by_others(block: Block, others: Collection[str]) -> bool:
    """Return whether the policy does not own a set's elements: packets add them, or the policy has none for it."""
    return block.dynamic or (block.kind in ("set", "map") and block.name in others)


def bootable(text: str, others: Collection[str]) -> str:
    """Return a listing as a boot should load it: counters at 0, without elements that the policy does not own."""
    listing = blocks.change_blocks(
        blocks.parse(text), lambda block: replace(block, elements=()) if owned_by_others(block, others) else block
    )
    return blocks.zeroed(blocks.render(listing))


def with_numbers(desired: Listing, live: Listing) -> Listing:
    """Return the desired table with the counter values of each rule, object and element that the live table has too."""

    def numbered(block: Block) -> Block:
        other = live.block(block.kind, block.name)
        if other is None or not block.lines:
            return block
        if block.kind == "chain":
            return replace(block, lines=_numbered(block.lines, other.lines))
        # A counter's or quota's value is a line of its declaration.
        same = [blocks.zeroed(line) for line in other.lines] == [blocks.zeroed(line) for line in block.lines]
        lines = other.lines if same else block.lines
        return replace(block, lines=lines, elements=_numbered(block.elements, other.elements))

    return blocks.change_blocks(desired, numbered)


def _numbered(desired: Collection[str], live: Collection[str]) -> tuple[str, ...]:
    """Return each desired text as the live table has it, numbers included; each live text is used once."""
    stock: dict[str, list[str]] = {}
    for text in live:
        stock.setdefault(blocks.zeroed(text), []).append(text)
    return tuple(matches.pop(0) if (matches := stock.get(blocks.zeroed(text))) else text for text in desired)


def _comparable(block: Block, others: Collection[str], expiring: bool) -> Block:
    if not block.elements:
        return block
    if owned_by_others(block, others):
        return replace(block, elements=())
    if expiring:
        return replace(block, elements=tuple(map(lifetimes.without_time_left, block.elements)))
    return replace(block, elements=tuple(element for element in block.elements if not lifetimes.expires(element)))
