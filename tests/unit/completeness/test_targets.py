# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every target has an evaluator, a page, a column in the table of capabilities and a golden file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    RenderedFile,
    Target,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.integration.targets.programs import PROGRAMS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.evaluators import EVALUATORS
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_every_target import (
    GOLDEN,
    golden_path,
)

DOCS = Path(__file__).parents[3] / "docs"
OPEN = Target(
    name="open",
    about="opens everything",
    can=Capabilities(),
    suffix=".txt",
    render=lambda _unit: RenderedFile("allow all\n"),
)


def columns() -> set[str]:
    """Return the targets in the table of capabilities."""
    (head,) = (
        line for line in (DOCS / "targets.md").read_text(encoding="utf-8").splitlines() if line.startswith("|  |")
    )
    return {cell.strip().removeprefix("[").partition("]")[0] for cell in head.split("|") if cell.strip()}


def gaps(targets: Mapping[str, Target]) -> list[str]:
    """Return what targets lack, and what belongs to no target."""
    golden = {path.name for path in GOLDEN.iterdir() if path.suffix != ".yml"}
    have = {
        "evaluator": {*EVALUATORS, *(name for name, _release in PROGRAMS)},
        "page": {path.stem for path in (DOCS / "targets").glob("*.md")},
        "column": columns(),
        "golden file": {name for name, target in targets.items() if golden_path(target).name in golden},
    }
    lacking = [f"{name}: no {what}" for what, names in have.items() for name in sorted(set(targets) - names)]
    return lacking + [
        f"{name}: {what} of no target" for what, names in have.items() for name in sorted(names - set(targets))
    ]


def test_every_target_is_complete() -> None:
    assert gaps(TARGETS) == []
    expected = {golden_path(target).name for target in TARGETS.values()}
    assert {path.name for path in GOLDEN.iterdir()} == {*expected, "policy_for_all.yml"}


def test_a_new_target_lacks_everything() -> None:
    assert gaps({**TARGETS, OPEN.name: OPEN}) == [
        "open: no evaluator",
        "open: no page",
        "open: no column",
        "open: no golden file",
    ]


def test_a_removed_target_leaves_nothing_behind() -> None:
    targets = {name: target for name, target in TARGETS.items() if name != "squid"}
    assert gaps(targets) == ["squid: evaluator of no target", "squid: page of no target", "squid: column of no target"]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_renders_units_or_compiles_policies(target: Target) -> None:
    assert (target.render is None) != (target.compile_policy is None)
    assert (target.variable == "") == (target.read_settings is None)


def test_every_capability_is_a_row_of_the_table() -> None:
    rows = _targets_table().ROWS
    assert rows
    read: set[str] = set()

    class Recorder:
        def __getattr__(self, name: str) -> Any:
            value = getattr(TARGETS["cilium"].can, name)
            read.update(["protocols"] if name == "icmp" else [name])
            return value

    for cell in rows.values():
        assert isinstance(cell(Recorder()), str)
    assert read == {field.name for field in fields(Capabilities)}


def _targets_table() -> Any:
    """Return docs/targets_table.py, which imports a neighbour."""
    sys.path.insert(0, str(DOCS))
    try:
        spec = importlib.util.spec_from_file_location("targets_table", DOCS / "targets_table.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(DOCS))
