# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any table to any other: the run ends exactly there, check mode said so, and what could stay stayed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.sequence import common
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import render
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftRule, NftTable

from .conftest import Lab
from .random_specs import table

ROUNDS = 24


def normal(found: NftTable) -> str:
    """A table as text, without the order of what has none."""
    return render.table(
        replace(
            found,
            objects=tuple(sorted(found.objects, key=lambda thing: (thing.kind, thing.name))),
            sets=tuple(sorted(found.sets, key=lambda thing: thing.name)),
            chains=tuple(sorted(found.chains, key=lambda thing: thing.name)),
        )
    )


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_from_any_table_to_any_other(lab: Lab, seed: int) -> None:
    rng = random.Random(seed)
    lab.run(table(rng))
    for _step in range(3):
        wanted = table(rng)
        before = lab.table()
        lab.predicted(wanted)
        after = lab.table()
        # Sets whose elements nobody gives keep those they had, so the same spec from nothing may have fewer.
        lab.load("delete table inet t")
        lab.run(wanted)
        fresh = lab.table()
        given = {found["name"] for found in wanted["sets"] if "elements" in found}
        assert normal(_only(after, given)) == normal(_only(fresh, given))
        kept_as_many_as_possible(before, after)


def kept_as_many_as_possible(before: NftTable, after: NftTable) -> None:
    """Of a chain that was not made anew, the rules of a longest common subsequence keep their handles.

    Rules that refer to something may have had to step aside for it.
    """
    if (after.comment, after.flags) != (before.comment, before.flags):
        return
    for chain in before.chains:
        found = after.chain(chain.name)
        if found is None or (found.hook, found.comment) != (chain.hook, chain.comment):
            continue
        if all(_alone(rule) for rule in (*chain.rules, *found.rules)):
            kept = {rule.handle for rule in chain.rules} & {rule.handle for rule in found.rules}
            assert len(kept) == len(common([rule.canon for rule in chain.rules], [rule.canon for rule in found.rules]))


def _alone(rule: NftRule) -> bool:
    return not any(word in rule.canon for word in ("@", "name", "jump", "helper"))


def _only(found: NftTable, given: set[str]) -> NftTable:
    sets = tuple(
        thing if thing.name in given or thing.kind == "map" else replace(thing, elements=()) for thing in found.sets
    )
    return replace(found, sets=sets)
