# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that shall be: what is wanted, in nft's words, with what stays of what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Sequence, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ChainSpec, SetSpec, TableSpec
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
"""Flags of tables that belong to a process."""

Named = TypeVar("Named", NftChain, NftSet, NftObject)


def build(spec: TableSpec, canon: NftTable | None, live: NftTable | None) -> NftTable | None:
    """Return the table to reach, None when it shall not be.

    canon: what the scratch table listed for this spec.
    """
    if not spec.present or canon is None:
        return None
    staying = live if spec.others == "stay" and live is not None else NftTable(spec.family, spec.name)
    implicit = (
        {found.name for found in canon.sets} - {wanted.name for wanted in spec.sets} - {s.name for s in staying.sets}
    )
    objects = [
        replace(
            found,
            declaration=(*found.declaration, *(line for line in wanted.declaration if line.startswith("devices"))),
            text=wanted.declaration,
            where=wanted.where,
        )
        for wanted in spec.objects
        for found in [canon.object(wanted.kind, wanted.name)]
        if wanted.present and found is not None
    ]
    sets = [_set(wanted, canon, live) for wanted in spec.sets if wanted.present]
    sets += [replace(found, elements=(), implicit=True) for found in canon.sets if found.name in implicit]
    chains = [_chain(wanted, canon, live) for wanted in spec.chains if wanted.present]
    named_objects = {(wanted.kind, wanted.name) for wanted in spec.objects}
    named_sets = {wanted.name for wanted in spec.sets}
    named_chains = {wanted.name for wanted in spec.chains}
    return NftTable(
        family=spec.family,
        name=spec.name,
        comment=staying.comment if spec.comment is None else spec.comment or None,
        flags=_flags(spec, live.flags if live else ""),
        objects=(*objects, *(found for found in staying.objects if (found.kind, found.name) not in named_objects)),
        sets=(*sets, *(found for found in staying.sets if found.name not in named_sets)),
        chains=(*chains, *(found for found in staying.chains if found.name not in named_chains)),
        where=spec.where,
    )


def _flags(spec: TableSpec, there: str) -> str:
    """Return the flags in nft's words; those that a table has of its owner cannot be taken from it."""
    if spec.flags is None:
        return there
    kept = [flag for flag in there.split(",") if flag in (*OF_OWNERS, *spec.flags)]
    return ",".join([*kept, *(flag for flag in spec.flags if flag not in kept)])


def listed_like(goal: NftTable | None, live: NftTable | None) -> NftTable | None:
    """Return the goal in the order of a listing, new things last, so that a diff shows only changes."""
    if goal is None or live is None:
        return goal
    return replace(
        goal,
        objects=_ordered(goal.objects, live.objects),
        sets=_ordered(goal.sets, live.sets),
        chains=_ordered(goal.chains, live.chains),
    )


def _ordered(things: Iterable[Named], before: Sequence[Named]) -> tuple[Named, ...]:
    places = {(getattr(thing, "kind", ""), thing.name): at for at, thing in enumerate(before)}
    return tuple(sorted(things, key=lambda thing: places.get((getattr(thing, "kind", ""), thing.name), len(places))))


def _chain(wanted: ChainSpec, canon: NftTable, live: NftTable | None) -> NftChain:
    found = live.chain(wanted.name) if live else None
    drafted = canon.chain(wanted.name)
    rules = () if drafted is None else drafted.rules
    if wanted.edit is not None and found is not None:
        sent = wanted.edit.rule
        new = replace(rules[0], text=sent.text, handle=None, where=sent.where) if sent and rules else None
        return replace(found, rules=edited(found.rules, new, wanted.edit, wanted.where), where=wanted.where)
    if wanted.rules is None:
        kept = found.rules if found else ()
    else:
        kept = tuple(NftRule(rule.canon, sent.text, None, sent.where) for rule, sent in zip(rules, wanted.rules))
    return NftChain(wanted.name, wanted.hook, wanted.comment, kept, wanted.where)


def _set(wanted: SetSpec, canon: NftTable, live: NftTable | None) -> NftSet:
    found = live.set(wanted.name) if live else None
    drafted = canon.set(wanted.name)
    if drafted is None:
        raise EngineError("not_applied", f"nft did not list the set {wanted.name} that it was given. {UNCHANGED}")
    if wanted.declaration is None and found is not None:
        base = found
    else:
        base = replace(drafted, text=wanted.declaration or ())
    before = found.elements if found else ()
    # The time that an element has left in the scratch table is not what was asked for.
    asked = [one if one.text == one.canon else replace(one, text=one.canon) for one in drafted.elements]
    return replace(
        base,
        elements=desired_elements.wanted(wanted, base, asked, before),
        managed=wanted.elements is not None,
        where=wanted.where,
    )
