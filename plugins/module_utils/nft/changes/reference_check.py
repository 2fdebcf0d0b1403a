# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to take away what something that stays refers to, with the name of what refers to it."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References


def check(live: NftTable | None, goal: NftTable | None, where: str) -> None:
    """Raise when the goal still refers to a chain, set or object that goes."""
    if live is None or goal is None:
        return
    chains = [found.name for found in live.chains if not goal.chain(found.name)]
    sets = [found for found in live.sets if not goal.set(found.name)]
    objects = [found for found in live.objects if not goal.object(found.kind, found.name)]
    # A flowtable is referred to as a set is.
    looked_into = [*(found.name for found in sets), *(found.name for found in objects if found.kind == "flowtable")]
    if _user(goal, References(chains, looked_into, [found.name for found in objects])) is None:
        return
    things = [
        *(("chain", name, References((name,), (), ())) for name in chains),
        *((found.kind, found.name, References((), (found.name,), ())) for found in sets),
        *(
            (found.kind, found.name, References((), (found.name,) if found.kind == "flowtable" else (), (found.name,)))
            for found in objects
        ),
    ]
    for kind, name, references in things:
        user = _user(goal, references)
        if user is not None:
            raise EngineError(
                "busy",
                f"The {kind} {name} cannot go: {user} refers to it. Take that out first. {UNCHANGED}",
                where,
            )


def _user(goal: NftTable, references: References) -> str | None:
    for chain in goal.chains:
        for rule in chain.rules:
            if references.in_text(rule.canon):
                return f"the rule `{rule.canon}` of chain {chain.name}"
    for found in goal.sets:
        for element in found.elements if found.kind == "map" else ():
            if references.in_text(element.canon):
                return f"the element `{element.canon}` of map {found.name}"
    return None
