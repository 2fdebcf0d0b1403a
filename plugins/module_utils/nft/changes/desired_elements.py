# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which elements a set shall have, given those it has and those asked for."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import element_intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable


def wanted(
    spec: SetSpec, declared: NftSet, asked: Sequence[NftElement], before: Sequence[NftElement]
) -> tuple[NftElement, ...]:
    """Return the elements to reach.

    asked: the elements of the arguments in nft's words. before: those in the kernel.
    """
    if spec.elements is None:
        return tuple(before)
    merging = declared.has("auto-merge") and declared.has("interval")
    if spec.mode == "remove":
        return _without(asked, before, merging=merging)
    there = {element.key: element for element in before}
    # In a set that others refresh, an element that is there is as asked for, unless more than its key was asked for.
    lenient = _volatile(declared)
    goal = [there.get(found.key, found) if lenient and found.canon == found.key else found for found in asked]
    if merging:
        # nft merged what was asked for, and in mode "add" what was there, in the scratch set.
        return tuple(before) if _same_union(goal, before) else tuple(goal)
    if spec.mode == "add":
        return tuple({**there, **{element.key: element for element in goal}}.values())
    return tuple(goal)


def _volatile(declared: NftSet) -> bool:
    return (
        declared.has("dynamic")
        or declared.has("timeout")
        or any(line.startswith("timeout ") for line in declared.declaration)
    )


def _without(asked: Sequence[NftElement], before: Sequence[NftElement], *, merging: bool) -> tuple[NftElement, ...]:
    """Take out exactly what is named: listed elements of the same key or, where nft merges, their part of the union."""
    gone = {element.key for element in asked}
    rest = tuple(element for element in before if element.key not in gone)
    if not merging:
        return rest
    there, out = element_intervals.union(rest), element_intervals.union(asked)
    if there is None or out is None or there.version != out.version or there.minus(out) == there:
        return rest
    known = {element.canon: element for element in rest}
    return tuple(known.get(text, NftElement(text, text, text)) for text in there.minus(out).texts())


def _same_union(goal: Sequence[NftElement], before: Sequence[NftElement]) -> bool:
    left, right = element_intervals.union(goal), element_intervals.union(before)
    return left is not None and left == right


def still_inside(spec: TableSpec, canon: NftTable, goal: NftTable) -> list[str]:
    """Return sentences about elements that were taken out by name and still match, since a larger one holds them."""
    found = []
    for named in spec.sets:
        drafted, reached = canon.set(named.name), goal.set(named.name)
        if named.mode != "remove" or drafted is None or reached is None:
            continue
        for element in drafted.elements:
            larger = element_intervals.covers(reached.elements, element.key)
            if larger is not None:
                found.append(
                    f"{element.key} still matches set {named.name}: it is inside of {larger}, which was not named."
                )
    return found
