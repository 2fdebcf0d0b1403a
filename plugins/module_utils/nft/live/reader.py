# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a table of the kernel."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError

from .listing import parse_tables
from .model import NftSet, NftTable

_STATEMENT = re.compile(r" (?:counter|limit rate|quota|last|ct count) ")


def read_table(
    nft: Nft, family: str, name: str, *, elements: bool = True, but: Collection[str] = ()
) -> NftTable | None:
    """Return a table as it is, None when there is none. No other table is listed.

    but: sets whose elements are left out.
    """
    if but:
        return _with_elements(nft, read_table(nft, family, name, elements=False), but)
    if nf_tables.has_table(family, name) is False:
        return None
    outcome = nft.list_table(family, name, elements=elements)
    if outcome.code != 0:
        if "No such file or directory" in outcome.err and nf_tables.has_table(family, name) is not True:
            return None
        raise failure(outcome, "nft list table")
    found = parse_tables(outcome.out)
    if [(one.family, one.name) for one in found] != [(family, name)]:
        told = ", ".join(f"{one.family} {one.name}" for one in found) or "nothing"
        raise EngineError("not_applied", f"nft listed {told} when asked for table {family} {name}. {UNCHANGED}")
    return found[0]


def _with_elements(nft: Nft, table: NftTable | None, but: Collection[str]) -> NftTable | None:
    """Return a table with the elements of its sets, which are listed one by one, but of some."""
    asked = [found for found in table.sets if found.name not in but] if table else []
    if table is None or not asked:
        return table
    outcome = nft.converse("".join(f"list {one.kind} {table.family} {table.name} {one.name}\n" for one in asked))
    # What somebody deleted meanwhile is missing: the generation tells, and the run begins again.
    listed = {one.name: one for found in parse_tables(outcome.out) for one in found.sets}
    return replace(table, sets=tuple(listed.get(one.name, one) for one in table.sets))


def readable_again(table: NftTable | None) -> NftTable | None:
    """Return the table without elements that nft 0.9 cannot read back: with a statement their set does not declare.

    Traffic makes them (``add @set { ip saddr limit rate … }``); given such an element, 0.9.8 crashes (measured).
    """
    if table is None:
        return None
    return replace(table, sets=tuple(_readable(found) for found in table.sets))


def _readable(found: NftSet) -> NftSet:
    if found.statements:
        return found
    return replace(found, elements=tuple(e for e in found.elements if not _STATEMENT.search(f"{e.text} ")))
