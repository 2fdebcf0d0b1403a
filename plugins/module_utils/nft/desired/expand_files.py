# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the elements of files into the specs of their sets, for code that needs each element."""

from __future__ import annotations

from dataclasses import replace

from . import element_files, parse_sets
from .spec import SetSpec, TableSpec


def expanded(spec: TableSpec) -> TableSpec:
    """Return the table with all files read; raise EngineError that names the line of a bad element."""
    if not any(set_spec.file for set_spec in spec.sets):
        return spec
    return replace(spec, sets=tuple(_expanded(set_spec) for set_spec in spec.sets))


def _expanded(spec: SetSpec) -> SetSpec:
    if spec.file is None:
        return spec
    version = parse_sets.address_version(spec.declaration)
    elements = [
        parse_sets.element(text, f"{spec.file.where} {spec.file.path}:{number}", kind=spec.kind, version=version)
        for number, text in enumerate(element_files.lines(spec.file), 1)
        if text
    ]
    return replace(spec, elements=(*(spec.elements or ()), *elements), file=None)
