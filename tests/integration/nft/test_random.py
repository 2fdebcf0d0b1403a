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


def normal(live: NftTable) -> str:
    """A table as text, without the order of what has none."""
    return render.table(
        replace(
            live,
            objects=tuple(sorted(live.objects, key=lambda item: (item.kind, item.name))),
            sets=tuple(sorted(live.sets, key=lambda item: item.name)),
            chains=tuple(sorted(live.chains, key=lambda item: item.name)),
        )
    )


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_from_any_table_to_any_other(lab: Lab, seed: int) -> None:
    rng = random.Random(seed)
    lab.run(table(rng))
    for _step in range(3):
        desired = table(rng)
        before = lab.table()
        lab.predicted(desired)
        after = lab.table()
        # Sets whose elements nobody gives keep those they had, so the same spec from nothing may have fewer.
        lab.load("delete table inet t")
        lab.run(desired)
        fresh = lab.table()
        named = {set_spec["name"] for set_spec in desired["sets"] if "elements" in set_spec}
        assert normal(_only(after, named)) == normal(_only(fresh, named))
        kept_as_many_as_possible(before, after)


def kept_as_many_as_possible(before: NftTable, after: NftTable) -> None:
    """Of a chain that was not made anew, the rules of a longest common subsequence keep their handles.

    Rules that refer to something may have had to step aside for it.
    """
    if (after.comment, after.flags) != (before.comment, before.flags):
        return
    for chain in before.chains:
        chain_after = after.chain(chain.name)
        if chain_after is None or (chain_after.hook, chain_after.comment) != (chain.hook, chain.comment):
            continue
        if all(_alone(rule) for rule in (*chain.rules, *chain_after.rules)):
            staying = {rule.handle for rule in chain.rules} & {rule.handle for rule in chain_after.rules}
            assert len(staying) == len(
                common([rule.canon for rule in chain.rules], [rule.canon for rule in chain_after.rules])
            )


def _alone(rule: NftRule) -> bool:
    return not any(word in rule.canon for word in ("@", "name", "jump", "helper"))


def _only(live: NftTable, names: set[str]) -> NftTable:
    sets = tuple(
        nft_set if nft_set.name in names or nft_set.kind == "map" else replace(nft_set, elements=())
        for nft_set in live.sets
    )
    return replace(live, sets=sets)
