# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a scratch table: the wanted things, and stubs of the live ones that rules may refer to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import literals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable


@dataclass(frozen=True)
class DraftLine:
    """A line of nft's text and the path into the arguments that an error in it names."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class ScratchDraft:
    """A scratch table: what is between its braces, and (chain, rule) of the rules to add to it.

    known: by name of a set, elements that need no scratch table.
    """

    family: str
    block: tuple[DraftLine, ...]
    rules: tuple[tuple[str, DraftLine], ...]
    known: dict[str, tuple[NftElement, ...]] = field(default_factory=dict)


def draft(spec: TableSpec, live: NftTable | None) -> ScratchDraft:
    """Return the draft for one table. A set of which only elements are given is there."""
    staying = live if spec.others == "stay" and live is not None else NftTable(spec.family, spec.name)
    known = _known(spec, live)
    block = [*_objects(spec, staying), *_sets(spec, live, staying, known), *_chains(spec, staying)]
    rules = [
        (chain.name, DraftLine(rule.text, rule.where))
        for chain in spec.chains
        for rule in (*(chain.rules or ()), *((chain.edit.rule,) if chain.edit and chain.edit.rule else ()))
    ]
    return ScratchDraft(spec.family, tuple(block), tuple(rules), known)


def _known(spec: TableSpec, live: NftTable | None) -> dict[str, tuple[NftElement, ...]]:
    found = {}
    for wanted in spec.sets:
        there = live.set(wanted.name) if live else None
        declaration = (there.declaration if there else ()) if wanted.declaration is None else wanted.declaration
        if wanted.present and wanted.elements and declaration:
            version = parse_sets.address_version(declaration)
            elements = literals.canonical(wanted, declaration, version, there.elements if there else ())
            if elements is not None:
                found[wanted.name] = elements
    return found


def block_of(table: NftTable) -> tuple[DraftLine, ...]:
    """Return stubs of all that rules of a table may refer to."""
    return (
        *_objects(TableSpec("", ""), table),
        *_sets(TableSpec("", ""), None, table, {}),
        *_chains(TableSpec("", ""), table),
    )


def _objects(spec: TableSpec, staying: NftTable) -> Iterable[DraftLine]:
    named = {(wanted.kind, wanted.name) for wanted in spec.objects}
    for wanted in spec.objects:
        if wanted.present:
            yield from _braces(f"{wanted.kind} {wanted.name}", _deviceless(wanted.declaration), wanted.where)
    for found in staying.objects:
        if (found.kind, found.name) not in named:
            yield from _braces(f"{found.kind} {found.name}", _deviceless(found.declaration))


def _deviceless(lines: Iterable[str]) -> Iterable[str]:
    """Leave out a flowtable's devices: what is drafted must not see packets."""
    return (line for line in lines if not line.startswith("devices"))


def _sets(
    spec: TableSpec, live: NftTable | None, staying: NftTable, known: dict[str, tuple[NftElement, ...]]
) -> Iterable[DraftLine]:
    for wanted in spec.sets:
        if wanted.present:
            asked = replace(wanted, elements=None) if wanted.name in known else wanted
            yield from _set(asked, live.set(wanted.name) if live else None)
    named = {wanted.name for wanted in spec.sets}
    for found in staying.sets:
        if found.name not in named:
            yield from _braces(f"{found.kind} {found.name}", found.declaration)


def _set(wanted: SetSpec, found: NftSet | None) -> Iterable[DraftLine]:
    kind = wanted.kind or (found.kind if found else "set")
    declaration = (found.declaration if found else ()) if wanted.declaration is None else wanted.declaration
    elements = [DraftLine(f"{element.whole},", element.where) for element in wanted.elements or ()]
    if wanted.mode == "remove":
        # Only keys are asked for, so a map is drafted as the set of its keys.
        kind, declaration = "set", tuple(line.partition(" : ")[0] for line in declaration)
        elements = [DraftLine(f"{element.text},", element.where) for element in wanted.elements or ()]
    elif wanted.elements is not None and wanted.mode == "add" and found is not None and found.has("auto-merge"):
        elements += [DraftLine(f"{element.canon},", wanted.where) for element in found.elements]
    yield DraftLine(f"{kind} {wanted.name} {{", wanted.where)
    yield from (DraftLine(line, wanted.where) for line in declaration)
    if elements:
        yield DraftLine("elements = {", wanted.where)
        yield from elements
        yield DraftLine("}", wanted.where)
    yield DraftLine("}", wanted.where)


def _chains(spec: TableSpec, staying: NftTable) -> Iterable[DraftLine]:
    for wanted in spec.chains:
        if wanted.present:
            yield from _braces(f"chain {wanted.name}", (), wanted.where)
    named = {wanted.name for wanted in spec.chains}
    for found in staying.chains:
        if found.name not in named:
            yield from _braces(f"chain {found.name}", ())


def _braces(header: str, lines: Iterable[str], where: str = "") -> Iterable[DraftLine]:
    yield DraftLine(f"{header} {{", where)
    yield from (DraftLine(line, where) for line in lines)
    yield DraftLine("}", where)
