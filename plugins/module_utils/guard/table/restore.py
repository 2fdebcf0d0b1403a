# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a table in place of the live one, without touching elements that the policy does not own."""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE_TEXT

from . import blocks, lifetimes
from .blocks import Block, Listing
from .fingerprint import outline, owned_by_others, shape
from .live_table import LiveTable

_ATTEMPTS = 5
"""How often a restore is tried again because another process changed the ruleset during it."""


def script(listing: str) -> str:
    """Return the transaction that replaces the whole table by this one; "" only removes it."""
    # Adding the table first makes deleting it valid where there is none.
    return f"table {TABLE_TEXT}\ndelete table {TABLE_TEXT}\n{listing}"


def listing_of(text: str) -> str | None:
    """Return what `script` was made of, None when the text is no such script."""
    start = script("")
    return text[len(start) :] if text.startswith(start) else None


def restore_table(
    table: LiveTable, text: str | None, seconds: float, others: Collection[str], nft_version: str = ""
) -> None:
    """Make the live table the listed one, aged by that many seconds; None: no table.

    others: sets whose live elements stay. nft_version: of the nft that listed it, where that may be another one. Raise
    GuardError (not_restored) when the live table differs afterwards.
    """
    desired = blocks.parse(text) if text is not None else None
    fingerprint = shape if nft_version in ("", table.nft_version) else outline
    expected = fingerprint(text, others)
    problem = ""
    for _attempt in range(_ATTEMPTS):
        for transaction in _transactions(table, desired, seconds, others):
            generation = table.generation()
            rejection = _load(table, transaction)
            if not rejection and fingerprint(table.cached_listing(), others) == expected:
                return
            problem = problem or rejection
            if table.generation() not in (generation, generation + 1):
                # Another process changed the ruleset, so the transactions have to be made anew.
                break
        else:
            break
    raise GuardError("not_restored", f"The table {TABLE_TEXT} could not be restored. {problem}".rstrip())


def aged(listing: Listing, seconds: float) -> Listing:
    """Return the table as it is that many seconds later: elements expire, others have less time left."""

    def age(block: Block) -> Block:
        elements = (lifetimes.aged(element, seconds) for element in block.elements)
        return replace(block, elements=tuple(element for element in elements if element is not None))

    return blocks.change_blocks(listing, lambda block: age(block) if block.elements else block)


def replace_around(live: Listing, desired: Listing, kept: Collection[str]) -> str:
    """Return the transaction that replaces everything in the live table except the kept sets.

    A kept set stays the same object: no element of it is read or written, so none that is added meanwhile is lost.
    """
    chains = [block for block in live.blocks if block.kind == "chain"]
    objects = [block for block in live.blocks if block.kind not in ("chain", "set", "map")]
    # References go before what they refer to: rules, elements of verdict maps, chains, objects.
    collections = [block for block in live.blocks if block.kind in ("map", "set") and block.name not in kept]
    lines = [f"flush chain {TABLE_TEXT} {block.name}" for block in chains]
    lines += [f"delete {block.kind} {TABLE_TEXT} {block.name}" for block in [*collections, *chains, *objects]]
    rest = blocks.change_blocks(desired, lambda block: None if block.kind == "set" and block.name in kept else block)
    return "\n".join(lines) + "\n" + blocks.render(rest)


def _load(table: LiveTable, transaction: str) -> str:
    """Load a transaction; return why it was rejected, "" when it was loaded."""
    try:
        table.load(transaction)
    except EngineError as error:
        return error.message
    return ""


def _parse_live(text: str | None) -> Listing | None:
    """Return the live table, None also for one that cannot be read and so has to be replaced as a whole."""
    try:
        return blocks.parse(text) if text is not None else None
    except GuardError:
        return None


def _transactions(table: LiveTable, desired: Listing | None, seconds: float, others: Collection[str]) -> Iterator[str]:
    """Yield transactions that lead to the desired table, the one that touches least first."""
    if desired is None:
        yield script("")
        return
    older = aged(desired, seconds)
    live = _parse_live(table.cached_listing())
    if live is not None:
        kept = _kept(live, desired, others)
        if kept:
            yield replace_around(live, older, kept)
            fresh = _parse_live(table.listing()) or live
            yield script(blocks.render(_with_elements(older, fresh, kept)))
    yield script(blocks.render(older))


def _kept(live: Listing, desired: Listing, others: Collection[str]) -> frozenset[str]:
    """Return the sets that the policy does not own and that both tables declare alike.

    Maps are not kept: their elements refer to chains and objects that have to go.
    """
    if live.lines != desired.lines:
        return frozenset()
    return frozenset(
        block.name
        for block in desired.blocks
        if block.kind == "set"
        and owned_by_others(block, others)
        and (now := live.block("set", block.name)) is not None
        and now.lines == block.lines
    )


def _with_elements(desired: Listing, live: Listing, kept: Collection[str]) -> Listing:
    def current(block: Block) -> Block:
        now = live.block("set", block.name)
        return replace(block, elements=now.elements) if now is not None and block.name in kept else block

    return blocks.change_blocks(desired, lambda block: current(block) if block.kind == "set" else block)
