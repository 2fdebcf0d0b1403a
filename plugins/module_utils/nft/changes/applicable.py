# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a spec there is to do at all: parents must be there, and what is to go and is not there is gone already."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ChainSpec, SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import MissingParent
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable


def applicable(spec: TableSpec, live: NftTable | None) -> TableSpec:
    """Return the spec without what is done already; raise when a parent that another module makes is missing."""
    if not spec.present:
        return spec
    if spec.must_exist and live is None:
        if any(_adds_chain(found) for found in spec.chains) or any(_adds_set(found) for found in spec.sets):
            raise MissingParent(
                spec.where, f"There is no table {spec.family} {spec.name}. The module nft_table makes tables."
            )
        return replace(spec, present=False)
    chains = tuple(found for found in spec.chains if _chain(found, live))
    sets = tuple(found for found in spec.sets if _set(found, live))
    return replace(spec, chains=chains, sets=sets)


def _adds_chain(wanted: ChainSpec) -> bool:
    return wanted.present if wanted.edit is None else wanted.edit.present


def _adds_set(wanted: SetSpec) -> bool:
    return wanted.present and wanted.mode != "remove"


def _chain(wanted: ChainSpec, live: NftTable | None) -> bool:
    there = live is not None and live.chain(wanted.name) is not None
    if wanted.edit is not None and wanted.edit.present and not there:
        raise MissingParent(
            wanted.where, f"There is no chain {wanted.name} in the table. The module nft_chain makes chains."
        )
    return there or _adds_chain(wanted)


def _set(wanted: SetSpec, live: NftTable | None) -> bool:
    found = live.set(wanted.name) if live else None
    if wanted.declaration is None and wanted.present and wanted.mode != "remove" and found is None:
        raise MissingParent(
            wanted.where, f"There is no set or map {wanted.name} in the table. The module nft_set makes sets."
        )
    version = parse_sets.address_version(found.declaration) if found and wanted.declaration is None else None
    if version is not None:
        for element in wanted.elements or ():
            parse_sets.check_address(element, version)
    return found is not None or _adds_set(wanted)
