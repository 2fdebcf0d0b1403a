# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a table as nft would list it, for diffs and for files."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import Hook

from . import element_intervals
from .model import NftChain, NftElement, NftObject, NftSet, NftTable

MANY = 200
"""Number of elements of a set above which a diff shows only those that change."""


def difference(before: NftTable | None, after: NftTable | None) -> tuple[str, str]:
    """Return the texts of both tables for a diff; of large sets only the elements that change."""
    return table(before, beside=after), table(after, beside=before)


def table(value: NftTable | None, *, unmanaged: bool = True, beside: NftTable | None = None) -> str:
    """Return the text of a table without handles and without state; empty for no table.

    unmanaged: also elements of sets whose elements the task does not name. beside: table whose elements are left out of
    large sets.
    """
    if value is None:
        return ""
    lines = [f"table {value.family} {value.name} {{"]
    if value.comment is not None:
        lines.append(f'\tcomment "{value.comment}"')
    if value.flags:
        lines.append(f"\tflags {value.flags}")
    blocks = [
        *(_object(item) for item in value.objects),
        *(_set(item, _elements(item, beside) if unmanaged or item.managed else []) for item in value.sets),
        *(_chain(item) for item in value.chains),
    ]
    for at, block in enumerate(blocks):
        lines += ["", *block] if at or len(lines) > 1 else block
    return "".join(f"{line}\n" for line in [*lines, "}"])


def hook(value: Hook) -> str:
    """Return the line of a base chain."""
    names = [tokens.device(name) for name in value.devices]
    devices = ""
    if len(names) == 1:
        devices = f" device {names[0]}"
    elif names:
        devices = " devices = { " + ", ".join(names) + " }"
    return f"type {value.type} hook {value.hook}{devices} priority {value.priority}; policy {value.policy};"


def _object(value: NftObject) -> list[str]:
    return [f"\t{value.kind} {value.name} {{", *(f"\t\t{line}" for line in value.declaration), "\t}"]


def _elements(value: NftSet, beside: NftTable | None) -> list[str]:
    """Return the lines for the elements of a set."""
    elements = value.elements
    other = beside.set(value.name) if beside and len(elements) > MANY else None
    same = {element.canon for element in other.elements} if other else set()
    shown = [f"{element.canon}," for element in sorted(_without(elements, same), key=element_intervals.order)]
    rest = len(elements) - len(shown)
    return [*shown, *([f"# and {rest} that stay"] if rest else []), *value.remarks]


def _without(elements: tuple[NftElement, ...], canons: set[str]) -> list[NftElement]:
    return [element for element in elements if element.canon not in canons]


def _set(value: NftSet, elements: list[str]) -> list[str]:
    lines = [f"\t{value.kind} {value.name} {{", *(f"\t\t{line}" for line in value.declaration)]
    if elements:
        lines += ["\t\telements = {", *(f"\t\t\t{element}" for element in elements), "\t\t}"]
    return [*lines, "\t}"]


def _chain(value: NftChain) -> list[str]:
    lines = [f"\tchain {value.name} {{"]
    if value.comment is not None:
        lines.append(f'\t\tcomment "{value.comment}"')
    if value.hook is not None:
        lines.append(f"\t\t{hook(value.hook)}")
    return [*lines, *(f"\t\t{rule.canon}" for rule in value.rules), "\t}"]


def block(lines: Iterable[str]) -> str:
    """Return declaration lines in braces on one line."""
    body = " ".join(line if line.endswith(";") else f"{line};" for line in lines)
    return f"{{ {body} }}" if body else "{ }"
