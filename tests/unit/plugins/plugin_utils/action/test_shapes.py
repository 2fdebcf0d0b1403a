# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes are those that the modules document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import COMMON
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import (
    Choice,
    ListOf,
    OrNull,
    Record,
    Shape,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import APPLIED, SHAPES

MODULES = Path(__file__).parents[5] / "plugins" / "modules"
ADDED_BY_THE_ACTION = {"egress_preflight": {"findings", "rejected", "unresolved", "allowed", "yaml", "lines"}}
TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool}


def documented(module: str) -> dict[str, dict[str, Any]]:
    _before, _mark, text = (MODULES / f"{module}.py").read_text().partition('RETURN = r"""\n')
    blocks: dict[str, dict[str, Any]] = yaml.safe_load(text.partition('"""')[0])
    return blocks


def inner(shape: Shape) -> Shape:
    while isinstance(shape, (OrNull, ListOf)):
        shape = shape.shape
    return shape


@pytest.mark.parametrize("module", SHAPES)
def test_every_key_is_documented_and_every_documented_key_is_taken(module: str) -> None:
    names = set(documented(module)) - set(COMMON) - ADDED_BY_THE_ACTION.get(module, set())
    assert names == set(SHAPES[module].keys)


@pytest.mark.parametrize("module", [*SHAPES, "egress_apply"])
def test_documented_parts_are_those_of_the_shape(module: str) -> None:
    shape = SHAPES.get(module, APPLIED)
    for name, entry in documented(module).items():
        if name not in shape.keys or "contains" not in entry:
            continue
        part = inner({**shape.required, **shape.optional}[name])
        assert isinstance(part, Record), name
        assert set(entry["contains"]) == set(part.keys), name


@pytest.mark.parametrize("module", SHAPES)
def test_documented_types_are_those_of_the_shape(module: str) -> None:
    for name, entry in documented(module).items():
        shape = SHAPES[module].optional.get(name)
        if shape is None:
            continue
        bare = shape.shape if isinstance(shape, OrNull) else shape
        assert (entry["type"] == "list") == isinstance(bare, ListOf), name
        if "sample" in entry and not isinstance(bare, Choice):
            shape.copy(entry["sample"], name)


SHARED = ("changes", "transaction", "confirmation", "nft_version", "reason", "where", "until", "lines")
"""Keys that mean the same in every egress module that returns them; RETURN blocks cannot share a fragment."""


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_key_is_documented_with_the_same_words(name: str) -> None:
    blocks = {path.stem: documented(path.stem).get(name) for path in MODULES.glob("egress_*.py")}
    texts = {
        module: {key: block[key] for key in block if key not in ("returned", "sample")}
        for module, block in blocks.items()
        if block is not None
    }
    assert len(texts) > 1
    first = next(iter(texts.values()))
    assert {module: text for module, text in texts.items() if text != first} == {}
