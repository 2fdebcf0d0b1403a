# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare tables by what only an edit changes: no counters, no elements that expire or that the policy does not own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import DENIED_CHAIN, mode_rule

from . import blocks
from .blocks import Block

_DENIED = re.compile(rf"^\s*chain {DENIED_CHAIN} {{\n(?P<rules>[^}}]*)}}", re.MULTILINE)
_EXPIRES = re.compile(r'"[^"]*"| expires (\S+)')
_OBSERVES = mode_rule("observe")


def shape(text: str | None, others: Collection[str]) -> str:
    """Return the shape of a listed table, "" for None. Equal shapes: the same rules, declarations and own elements.

    others: sets whose elements the policy does not own. Blocks are in the order of their names, since nf_tables keeps
    sets in the order of their creation.
    """
    if text is None:
        return ""
    listing = blocks.change_blocks(blocks.parse(text), lambda block: _comparable(block, others))
    ordered = sorted(listing.blocks, key=lambda block: (block.kind, block.name))
    return blocks.zeroed(blocks.render(replace(listing, blocks=tuple(ordered))))


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


def _comparable(block: Block, others: Collection[str]) -> Block:
    if not block.elements:
        return block
    if owned_by_others(block, others):
        return replace(block, elements=())
    return replace(block, elements=tuple(element for element in block.elements if not _expires(element)))


def _expires(element: str) -> bool:
    """Return whether an element expires. A comment may say anything."""
    return any(match[1] for match in _EXPIRES.finditer(element))
