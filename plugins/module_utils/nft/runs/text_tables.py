# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a table that a task has as a file for ``nft -f`` into a spec: nft reads it in a scratch table without hooks."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.draft import DraftLine, ScratchDraft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec, TableText
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from . import table_info


def resolve(nft: Nft, spec: TableSpec, state: RunDirectory) -> TableSpec:
    """Return the spec with what its text declares. Raise EngineError, with the line, for what nft rejects."""
    if spec.text is None or not spec.present:
        return spec
    lines = tuple(DraftLine(line, where) for line, where in spec.text.lines)
    (table,) = scratch.canonical(nft, [ScratchDraft(spec.family, lines, ())], state)
    arguments = table_info.declared(_whole(table, spec.text))
    return replace(parse.table(arguments, spec.where), max_removed=spec.max_removed)


def _whole(table: NftTable, text: TableText) -> NftTable:
    """Return the table with its name, hooks and devices, which the scratch table had not."""
    hooks, devices = dict(text.hooks), dict(text.devices)
    chains = tuple(replace(chain, hook=hooks.get(chain.name)) for chain in table.chains)
    objects = tuple(
        replace(item, declaration=(*item.declaration, devices[item.name]))
        if item.kind == "flowtable" and item.name in devices
        else item
        for item in table.objects
    )
    return replace(table, name=text.name, chains=chains, objects=objects)
