# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: put a table in the place of the one that stands, without touching elements that others own."""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import listing as words
from .fingerprint import outline, owned_by_others, shape
from .listing import Block, Listing
from .live_table import LiveTable

_TABLE = " ".join(TABLE)
_ATTEMPTS = 5
"""How often a table is put back again because somebody else wrote in between."""


def script(listing: str) -> str:
    """Return the transaction that replaces the whole table by this one; "" only removes it."""
    # Adding the table first makes deleting it valid where there is none.
    return f"table {_TABLE}\ndelete table {_TABLE}\n{listing}"


def put_back(table: LiveTable, text: str | None, seconds: float, others: Collection[str], version: str = "") -> None:
    """Make the kernel's table the listed one, as it is that many seconds after it was listed; None: no table.

    Elements of sets that others own stay as they are in the kernel now. version: of the nft that listed it, where
    that may have been another. Raise GuardError (not_restored) when the kernel has something else afterwards.
    """
    wanted = words.parse(text) if text is not None else None
    same = shape if version in ("", table.version) else outline
    expected = same(text, others)
    said = ""
    for _attempt in range(_ATTEMPTS):
        for transaction in _scripts(table, wanted, seconds, others):
            generation = table.generation()
            refusal = _load(table, transaction)
            if not refusal and same(table.standing(), others) == expected:
                return
            said = said or refusal
            if table.generation() not in (generation, generation + 1):
                # Somebody else wrote in between: what is there now is theirs, so look again.
                break
        else:
            break
    raise GuardError("not_restored", f"The table {_TABLE} could not be put back. {said}".rstrip())


def _load(table: LiveTable, transaction: str) -> str:
    """Load a script; return why it cannot be, "" when it was."""
    try:
        table.load(transaction)
    except EngineError as error:
        return error.message
    return ""


def _understood(text: str | None) -> Listing | None:
    """Return the table that stands; None too for one that cannot be understood, which then goes as a whole."""
    try:
        return words.parse(text) if text is not None else None
    except GuardError:
        return None


def older(listing: Listing, seconds: float) -> Listing:
    """Return the table as it is that many seconds later: elements end, the others have less time left."""

    def age(block: Block) -> Block:
        aged = (words.aged(element, seconds) for element in block.elements)
        return replace(block, elements=tuple(element for element in aged if element is not None))

    return words.change_blocks(listing, lambda block: age(block) if block.elements else block)


def _scripts(table: LiveTable, wanted: Listing | None, seconds: float, others: Collection[str]) -> Iterator[str]:
    """Yield transactions that lead to the wanted table, the gentlest first."""
    if wanted is None:
        yield script("")
        return
    aged = older(wanted, seconds)
    live = _understood(table.standing())
    if live is not None:
        kept = _kept(live, wanted, others)
        if kept:
            yield around(live, aged, kept)
            fresh = _understood(table.listing()) or live
            yield script(words.render(_with_elements(aged, fresh, kept)))
    yield script(words.render(aged))


def around(live: Listing, wanted: Listing, kept: Collection[str]) -> str:
    """Return the transaction that replaces everything in the table but the sets that are kept.

    A kept set stays the object that it is: no element is read or written, and none that comes meanwhile is lost.
    """
    chains = [block for block in live.blocks if block.kind == "chain"]
    objects = [block for block in live.blocks if block.kind not in ("chain", "set", "map")]
    # References go before what they refer to: rules, elements of verdict maps, chains, objects.
    collections = [block for block in live.blocks if block.kind in ("map", "set") and block.name not in kept]
    lines = [f"flush chain {_TABLE} {block.name}" for block in chains]
    lines += [f"delete {block.kind} {_TABLE} {block.name}" for block in [*collections, *chains, *objects]]
    rest = words.change_blocks(wanted, lambda block: None if block.kind == "set" and block.name in kept else block)
    return "\n".join(lines) + "\n" + words.render(rest)


def _kept(live: Listing, wanted: Listing, others: Collection[str]) -> frozenset[str]:
    """Return the sets that others own and that both tables declare alike.

    Maps are not kept: their elements refer to chains and objects that have to go.
    """
    if live.lines != wanted.lines:
        return frozenset()
    return frozenset(
        block.name
        for block in wanted.blocks
        if block.kind == "set"
        and owned_by_others(block, others)
        and (now := live.block("set", block.name)) is not None
        and now.lines == block.lines
    )


def _with_elements(wanted: Listing, live: Listing, kept: Collection[str]) -> Listing:
    def current(block: Block) -> Block:
        now = live.block("set", block.name)
        return replace(block, elements=now.elements) if now is not None and block.name in kept else block

    return words.change_blocks(wanted, lambda block: current(block) if block.kind == "set" else block)
