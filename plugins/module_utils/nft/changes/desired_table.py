# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired table: the spec in nft's words, with what stays of the live table."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Sequence, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ChainSpec,
    ObjectSpec,
    SetSpec,
    TableSpec,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftObject,
    NftRule,
    NftSet,
    NftTable,
)

from . import desired_elements
from .rules import edited

OF_OWNERS = ("owner", "persist")
"""Flags of tables that a process owns."""

Named = TypeVar("Named", NftChain, NftSet, NftObject)


def build(spec: TableSpec, canon: NftTable | None, live: NftTable | None) -> NftTable | None:
    """Return the table that is desired, None when it is to be deleted.

    canon: what the scratch table listed for this spec.
    """
    if not spec.present or canon is None:
        return None
    kept = live if spec.others == "stay" and live is not None else NftTable(spec.family, spec.name)
    named_objects = {(object_spec.kind, object_spec.name) for object_spec in spec.objects}
    named_sets = {set_spec.name for set_spec in spec.sets}
    named_chains = {chain_spec.name for chain_spec in spec.chains}
    implicit = {nft_set.name for nft_set in canon.sets} - named_sets - {nft_set.name for nft_set in kept.sets}
    objects = [_object(object_spec, canon) for object_spec in spec.objects if object_spec.present]
    sets = [_set(set_spec, canon, live) for set_spec in spec.sets if set_spec.present]
    sets += [replace(nft_set, elements=(), implicit=True) for nft_set in canon.sets if nft_set.name in implicit]
    chains = [_chain(chain_spec, canon, live) for chain_spec in spec.chains if chain_spec.present]
    return NftTable(
        family=spec.family,
        name=spec.name,
        comment=kept.comment if spec.comment is None else spec.comment or None,
        flags=_flags(spec, live.flags if live else ""),
        objects=(
            *(nft_object for nft_object in objects if nft_object is not None),
            *(nft_object for nft_object in kept.objects if (nft_object.kind, nft_object.name) not in named_objects),
        ),
        sets=(*sets, *(nft_set for nft_set in kept.sets if nft_set.name not in named_sets)),
        chains=(*chains, *(chain for chain in kept.chains if chain.name not in named_chains)),
        where=spec.where,
    )


def _object(spec: ObjectSpec, canon: NftTable) -> NftObject | None:
    """Return an object with the devices of a flowtable, which the scratch table left out."""
    canonical_object = canon.object(spec.kind, spec.name)
    if canonical_object is None:
        return None
    devices = (line for line in spec.declaration if line.startswith("devices"))
    declaration = (*canonical_object.declaration, *devices)
    return replace(canonical_object, declaration=declaration, text=spec.declaration, where=spec.where)


def _flags(spec: TableSpec, live_flags: str) -> str:
    """Return the flags in nft's words; flags of an owner stay."""
    if spec.flags is None:
        return live_flags
    kept = [flag for flag in live_flags.split(",") if flag in (*OF_OWNERS, *spec.flags)]
    return ",".join([*kept, *(flag for flag in spec.flags if flag not in kept)])


def ordered_like(desired: NftTable | None, live: NftTable | None) -> NftTable | None:
    """Return the desired table in the order of the live one, new objects last, so that a diff shows only changes."""
    if desired is None or live is None:
        return desired
    return replace(
        desired,
        objects=_ordered(desired.objects, live.objects),
        sets=_ordered(desired.sets, live.sets),
        chains=_ordered(desired.chains, live.chains),
    )


def _ordered(items: Iterable[Named], before: Sequence[Named]) -> tuple[Named, ...]:
    places = {(getattr(item, "kind", ""), item.name): at for at, item in enumerate(before)}
    return tuple(sorted(items, key=lambda item: places.get((getattr(item, "kind", ""), item.name), len(places))))


def _chain(spec: ChainSpec, canon: NftTable, live: NftTable | None) -> NftChain:
    live_chain = live.chain(spec.name) if live else None
    canonical_chain = canon.chain(spec.name)
    canonical_rules = () if canonical_chain is None else canonical_chain.rules
    if spec.edit is not None and live_chain is not None:
        rule_spec = spec.edit.rule
        new = (
            replace(canonical_rules[0], text=rule_spec.text, handle=None, where=rule_spec.where)
            if rule_spec and canonical_rules
            else None
        )
        return replace(live_chain, rules=edited(live_chain.rules, new, spec.edit, spec.where), where=spec.where)
    if spec.rules is None:
        rules = live_chain.rules if live_chain else ()
    else:
        rules = tuple(
            NftRule(rule.canon, rule_spec.text, None, rule_spec.where)
            for rule, rule_spec in zip(canonical_rules, spec.rules)
        )
    return NftChain(spec.name, spec.hook, spec.comment, rules, spec.where)


def _set(spec: SetSpec, canon: NftTable, live: NftTable | None) -> NftSet:
    live_set = live.set(spec.name) if live else None
    canonical_set = canon.set(spec.name)
    if canonical_set is None:
        raise EngineError("not_applied", f"nft did not list the set {spec.name} of the scratch table. {UNCHANGED}")
    if spec.declaration is None and live_set is not None:
        base = live_set
    else:
        base = replace(canonical_set, text=spec.declaration or ())
    before = live_set.elements if live_set else ()
    # The remaining time of an element in the scratch table is not part of the spec.
    named = [
        element if element.text == element.canon else replace(element, text=element.canon)
        for element in canonical_set.elements
    ]
    return replace(
        base,
        elements=desired_elements.build(spec, base, named, before),
        managed=spec.elements is not None,
        where=spec.where,
    )
