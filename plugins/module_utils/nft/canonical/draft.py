# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draft a scratch table: the desired objects, and stubs of the live ones that rules can refer to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import literals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable


@dataclass(frozen=True)
class DraftLine:
    """A line of nft's text, and the path into the arguments for an error in it."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class ScratchDraft:
    """A scratch table: the lines between its braces, and (chain, rule) of the rules to add.

    known: by name of a set, elements that are already in nft's words.
    """

    family: str
    block: tuple[DraftLine, ...]
    rules: tuple[tuple[str, DraftLine], ...]
    known: dict[str, tuple[NftElement, ...]] = field(default_factory=dict)


def draft(spec: TableSpec, live: NftTable | None) -> ScratchDraft:
    """Return the draft of a table. A set of which the task has only elements must be live."""
    kept = live if spec.others == "stay" and live is not None else NftTable(spec.family, spec.name)
    known = _known(spec, live)
    block = [*_objects(spec, kept), *_sets(spec, live, kept, known), *_chains(spec, kept)]
    rules = [
        (chain.name, DraftLine(rule.text, rule.where))
        for chain in spec.chains
        for rule in (*(chain.rules or ()), *((chain.edit.rule,) if chain.edit and chain.edit.rule else ()))
    ]
    return ScratchDraft(spec.family, tuple(block), tuple(rules), known)


def _known(spec: TableSpec, live: NftTable | None) -> dict[str, tuple[NftElement, ...]]:
    elements_of = {}
    for set_spec in spec.sets:
        nft_set = live.set(set_spec.name) if live else None
        declaration = (nft_set.declaration if nft_set else ()) if set_spec.declaration is None else set_spec.declaration
        if set_spec.present and set_spec.elements and declaration:
            version = parse_sets.address_version(declaration)
            elements = literals.canonical(set_spec, declaration, version, nft_set.elements if nft_set else ())
            if elements is not None:
                elements_of[set_spec.name] = elements
    return elements_of


def block_of(table: NftTable) -> tuple[DraftLine, ...]:
    """Return stubs of all objects that rules of a table can refer to."""
    return (
        *_objects(TableSpec("", ""), table),
        *_sets(TableSpec("", ""), None, table, {}),
        *_chains(TableSpec("", ""), table),
    )


def _objects(spec: TableSpec, kept: NftTable) -> Iterable[DraftLine]:
    named = {(object_spec.kind, object_spec.name) for object_spec in spec.objects}
    for object_spec in spec.objects:
        if object_spec.present:
            yield from _braces(
                f"{object_spec.kind} {object_spec.name}", _deviceless(object_spec.declaration), object_spec.where
            )
    for nft_object in kept.objects:
        if (nft_object.kind, nft_object.name) not in named:
            yield from _braces(f"{nft_object.kind} {nft_object.name}", _deviceless(nft_object.declaration))


def _deviceless(lines: Iterable[str]) -> Iterable[str]:
    """Leave out the devices of a flowtable: no packet may meet a draft."""
    return (line for line in lines if not line.startswith("devices"))


def _sets(
    spec: TableSpec, live: NftTable | None, kept: NftTable, known: dict[str, tuple[NftElement, ...]]
) -> Iterable[DraftLine]:
    for set_spec in spec.sets:
        if set_spec.present:
            without_known = replace(set_spec, elements=None) if set_spec.name in known else set_spec
            yield from _set(without_known, live.set(set_spec.name) if live else None)
    named = {set_spec.name for set_spec in spec.sets}
    for nft_set in kept.sets:
        if nft_set.name not in named:
            yield from _braces(f"{nft_set.kind} {nft_set.name}", nft_set.declaration)


def _set(spec: SetSpec, nft_set: NftSet | None) -> Iterable[DraftLine]:
    kind = spec.kind or (nft_set.kind if nft_set else "set")
    declaration = (nft_set.declaration if nft_set else ()) if spec.declaration is None else spec.declaration
    elements = [DraftLine(f"{element.whole},", element.where) for element in spec.elements or ()]
    if spec.mode == "remove":
        # Only keys matter for a deletion, so the draft of a map is the set of its keys.
        kind, declaration = "set", tuple(line.partition(" : ")[0] for line in declaration)
        elements = [DraftLine(f"{element.text},", element.where) for element in spec.elements or ()]
    elif spec.elements is not None and spec.mode == "add" and nft_set is not None and nft_set.has("auto-merge"):
        elements += [DraftLine(f"{element.canon},", spec.where) for element in nft_set.elements]
    yield DraftLine(f"{kind} {spec.name} {{", spec.where)
    yield from (DraftLine(line, spec.where) for line in declaration)
    if elements:
        yield DraftLine("elements = {", spec.where)
        yield from elements
        yield DraftLine("}", spec.where)
    yield DraftLine("}", spec.where)


def _chains(spec: TableSpec, kept: NftTable) -> Iterable[DraftLine]:
    for chain_spec in spec.chains:
        if chain_spec.present:
            yield from _braces(f"chain {chain_spec.name}", (), chain_spec.where)
    named = {chain_spec.name for chain_spec in spec.chains}
    for chain in kept.chains:
        if chain.name not in named:
            yield from _braces(f"chain {chain.name}", ())


def _braces(header: str, lines: Iterable[str], where: str = "") -> Iterable[DraftLine]:
    yield DraftLine(f"{header} {{", where)
    yield from (DraftLine(line, where) for line in lines)
    yield DraftLine("}", where)
