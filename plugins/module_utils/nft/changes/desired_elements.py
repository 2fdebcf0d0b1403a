# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired elements of a set, from its live ones and those of the task."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import element_intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable

from .result import still_matches


def build(
    spec: SetSpec, declared: NftSet, named: Sequence[NftElement], before: Sequence[NftElement]
) -> tuple[NftElement, ...]:
    """Return the desired elements.

    named: the elements of the task in nft's words. before: the live elements.
    """
    if spec.elements is None:
        return tuple(before)
    merging = declared.has("auto-merge") and declared.has("interval")
    if spec.mode == "remove":
        return _without(named, before, merging=merging)
    by_key = {element.key: element for element in before}
    # In a set that others refresh, a live element is as desired unless the task also gives it options.
    lenient = _volatile(declared)
    desired = [
        by_key.get(requested.key, requested) if lenient and requested.canon == requested.key else requested
        for requested in named
    ]
    if merging:
        # In the scratch set, nft merged the named elements, and in mode "add" the live ones.
        return tuple(before) if _same_union(desired, before) else tuple(desired)
    if spec.mode == "add":
        return tuple({**by_key, **{element.key: element for element in desired}}.values())
    return tuple(desired)


def _volatile(declared: NftSet) -> bool:
    return declared.has("dynamic") or declared.has("timeout") or bool(declared.timeout)


def _without(named: Sequence[NftElement], before: Sequence[NftElement], *, merging: bool) -> tuple[NftElement, ...]:
    """Return the elements without the named keys or, in a set that merges, without their part of the union."""
    keys = {element.key for element in named}
    rest = tuple(element for element in before if element.key not in keys)
    if not merging:
        return rest
    union, removed = element_intervals.union(rest), element_intervals.union(named)
    if union is None or removed is None or union.version != removed.version or union.minus(removed) == union:
        return rest
    known = {element.canon: element for element in rest}
    return tuple(known.get(text, NftElement(text, text, text)) for text in union.minus(removed).texts())


def _same_union(desired: Sequence[NftElement], before: Sequence[NftElement]) -> bool:
    left, right = element_intervals.union(desired), element_intervals.union(before)
    return left is not None and left == right


def still_inside(spec: TableSpec, canon: NftTable, desired: NftTable) -> list[str]:
    """Return warnings about deleted elements that still match, because a larger element holds them."""
    warnings = []
    for set_spec in spec.sets:
        canonical_set, desired_set = canon.set(set_spec.name), desired.set(set_spec.name)
        if set_spec.mode != "remove" or canonical_set is None or desired_set is None:
            continue
        for element in canonical_set.elements:
            larger = element_intervals.covers(desired_set.elements, element.key)
            if larger is not None:
                warnings.append(still_matches(element.key, set_spec.name, larger))
    return warnings
