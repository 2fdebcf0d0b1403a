# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reduce a spec to what there is to do: parents must exist, and objects to delete that do not exist are done.

What the task of a single object leaves out is as it is.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import hooks, parse_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ChainSpec,
    ObjectSpec,
    SetSpec,
    TableSpec,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import MissingParent
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable


def applicable(spec: TableSpec, live: NftTable | None) -> TableSpec:
    """Return the whole spec without objects that are already deleted; raise when another module's parent is missing."""
    if not spec.present:
        return spec
    if spec.must_exist and live is None:
        adds = (*map(_adds_chain, spec.chains), *map(_adds_set, spec.sets), *(item.present for item in spec.objects))
        if any(adds):
            raise MissingParent(
                spec.where, f"The table {spec.family} {spec.name} does not exist. Fix: create it with nft_table."
            )
        return replace(spec, present=False)
    chains = tuple(_whole_chain(item, live) for item in spec.chains if _chain(item, live))
    sets = tuple(_whole_set(item, live) for item in spec.sets if _set(item, live))
    objects = tuple(_whole_object(item, live) for item in spec.objects) if spec.others == "stay" else spec.objects
    return replace(spec, chains=chains, sets=sets, objects=objects)


def _adds_chain(spec: ChainSpec) -> bool:
    return spec.present if spec.edit is None else spec.edit.present


def _adds_set(spec: SetSpec) -> bool:
    return spec.present and spec.mode != "remove"


def _chain(spec: ChainSpec, live: NftTable | None) -> bool:
    exists = live is not None and live.chain(spec.name) is not None
    if spec.edit is not None and spec.edit.present and not exists:
        raise MissingParent(
            spec.where, f"The chain {spec.name} does not exist in the table. Fix: create it with nft_chain."
        )
    return exists or _adds_chain(spec)


def _whole_chain(spec: ChainSpec, live: NftTable | None) -> ChainSpec:
    if spec.parts is None:
        return spec
    live_chain = live.chain(spec.name) if live else None
    hook = hooks.complete(spec.parts, live_chain.hook if live_chain else None, spec.where)
    comment = live_chain.comment if live_chain and spec.comment is None else spec.comment or None
    return replace(spec, hook=hook, comment=comment, parts=None)


def _whole_set(spec: SetSpec, live: NftTable | None) -> SetSpec:
    live_set = live.set(spec.name) if live else None
    return parse_sets.complete(spec, live_set.declaration if live_set else ())


def _whole_object(spec: ObjectSpec, live: NftTable | None) -> ObjectSpec:
    live_object = live.object(spec.kind, spec.name) if live else None
    comments = [line for line in live_object.declaration if line.startswith("comment ")] if live_object else []
    if spec.comment is not None:
        comments = [f'comment "{spec.comment}"'] if spec.comment else []
    return replace(spec, declaration=(*spec.declaration, *comments), comment=None)


def _set(spec: SetSpec, live: NftTable | None) -> bool:
    live_set = live.set(spec.name) if live else None
    if spec.declaration is None and spec.present and spec.mode != "remove" and live_set is None:
        raise MissingParent(
            spec.where,
            f"The set or map {spec.name} does not exist in the table. Fix: create it with nft_set or nft_map.",
        )
    version = parse_sets.address_version(live_set.declaration) if live_set and spec.declaration is None else None
    if version is not None:
        for element in spec.elements or ():
            parse_sets.check_address(element, version)
    return live_set is not None or _adds_set(spec)
