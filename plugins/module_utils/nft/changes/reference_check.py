# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise when an object to delete is still referred to; the error names what refers to it."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References


def check(live: NftTable | None, desired: NftTable | None, where: str) -> None:
    """Raise when the desired table refers to a chain, set or object that the run deletes."""
    if live is None or desired is None:
        return
    chains = [item.name for item in live.chains if not desired.chain(item.name)]
    sets = [item for item in live.sets if not desired.set(item.name)]
    objects = [item for item in live.objects if not desired.object(item.kind, item.name)]
    # Rules refer to a flowtable as to a set.
    set_names = [*(item.name for item in sets), *(item.name for item in objects if item.kind == "flowtable")]
    if _user(desired, References(chains, set_names, [item.name for item in objects])) is None:
        return
    items = [
        *(("chain", name, References((name,), (), ())) for name in chains),
        *((item.kind, item.name, References((), (item.name,), ())) for item in sets),
        *(
            (item.kind, item.name, References((), (item.name,) if item.kind == "flowtable" else (), (item.name,)))
            for item in objects
        ),
    ]
    for kind, name, references in items:
        user = _user(desired, references)
        if user is not None:
            raise EngineError(
                "busy",
                f"The {kind} {name} cannot be deleted: {user} refers to it. Fix: delete that first. {UNCHANGED}",
                where,
            )


def _user(desired: NftTable, references: References) -> str | None:
    for chain in desired.chains:
        for rule in chain.rules:
            if references.in_text(rule.canon):
                return f"the rule `{rule.canon}` of chain {chain.name}"
    for nft_map in desired.sets:
        for element in nft_map.elements if nft_map.kind == "map" else ():
            if references.in_text(element.canon):
                return f"the element `{element.canon}` of map {nft_map.name}"
    return None
