# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables with the elements of files beside those of the arguments, for whoever needs each of them."""

from __future__ import annotations

from dataclasses import replace

from . import element_files, parse_sets
from .spec import SetSpec, TableSpec


def expanded(spec: TableSpec) -> TableSpec:
    """Return the table with no files left; raise EngineError with the line that is no element."""
    if not any(found.file for found in spec.sets):
        return spec
    return replace(spec, sets=tuple(_expanded(found) for found in spec.sets))


def _expanded(spec: SetSpec) -> SetSpec:
    if spec.file is None:
        return spec
    version = parse_sets.address_version(spec.declaration)
    found = [
        parse_sets.element(text, f"{spec.file.where} {spec.file.path}:{number}", kind=spec.kind, version=version)
        for number, text in enumerate(element_files.lines(spec.file), 1)
        if text
    ]
    return replace(spec, elements=(*(spec.elements or ()), *found), file=None)
