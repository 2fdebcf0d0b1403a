# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a live table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .listing import parse_tables
from .model import NftSet, NftTable

_ATTEMPTS = 3
"""How often a listing is tried that fails: others may delete what nft reads, or the kernel lack memory for a moment."""
_STATEMENT = re.compile(r" (?:counter|limit rate|quota|last|ct count) ")


def read_table(
    nft: Nft, family: str, name: str, *, elements: bool = True, but: Collection[str] = ()
) -> NftTable | None:
    """Return a live table, None when it does not exist. No other table is listed.

    but: names of sets whose elements are not read.
    """
    if but:
        return _with_elements(nft, read_table(nft, family, name, elements=False), but)
    for _attempt in range(_ATTEMPTS):
        if nf_tables.has_table(family, name) is False:
            return None
        outcome = nft.list_table(family, name, elements=elements)
        if outcome.code == 0:
            break
    else:
        if "No such file or directory" in outcome.err and nf_tables.has_table(family, name) is not True:
            return None
        raise failure(outcome, "nft list table")
    tables = parse_tables(outcome.out)
    if [(table.family, table.name) for table in tables] != [(family, name)]:
        names = ", ".join(f"{table.family} {table.name}" for table in tables) or "nothing"
        raise EngineError("not_applied", f"nft listed {names} instead of table {family} {name}. {UNCHANGED}")
    return tables[0]


def _with_elements(nft: Nft, table: NftTable | None, but: Collection[str]) -> NftTable | None:
    """Return a table with the elements of its sets, listed one by one, except of the sets named in ``but``."""
    sets = [listed_table for listed_table in table.sets if listed_table.name not in but] if table else []
    if table is None or not sets:
        return table
    outcome = nft.converse(
        "".join(f"list {nft_set.kind} {table.family} {table.name} {nft_set.name}\n" for nft_set in sets)
    )
    # A set that another process deleted meanwhile is missing. The generation shows it, and the run starts again.
    listed_sets = {nft_set.name: nft_set for listed_table in parse_tables(outcome.out) for nft_set in listed_table.sets}
    return replace(table, sets=tuple(listed_sets.get(nft_set.name, nft_set) for nft_set in table.sets))


def readable_again(table: NftTable | None) -> NftTable | None:
    """Return the table without elements that nft 0.9 cannot read, whose statements their set does not declare.

    Packets add them (``add @set { ip saddr limit rate … }``); 0.9.8 crashes when it reads such an element (measured).
    """
    if table is None:
        return None
    return replace(table, sets=tuple(_readable(nft_set) for nft_set in table.sets))


def _readable(nft_set: NftSet) -> NftSet:
    if nft_set.statements:
        return nft_set
    return replace(
        nft_set, elements=tuple(element for element in nft_set.elements if not _STATEMENT.search(f"{element.text} "))
    )
