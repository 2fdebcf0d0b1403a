# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy's rooms stand in one order: each imports only those before it, and no two files import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy

ROOT = Path(policy.__file__).parent
PACKAGE = policy.__name__
ROOMS = ("errors", "sets", "model", "reading", "resolved", "resolving", "proving", "builder")
"""From the bottom to the front; a name is a folder or a file. `__init__.py` is before all of them."""
OUTSIDE = {
    "ansible_collections.tidegate.nftables.plugins.module_utils.bridges": {"reading"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.domain_names": {"reading", "resolving", "proving"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.domain_names.DomainNameError": {"reading"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.domain_names.Pattern": {"reading"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.protocols": {"sets", "proving"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.table_names": {"builder"},
    "ansible_collections.tidegate.nftables.plugins.module_utils.unit_names": {"sets", "reading", "proving"},
    "ansible_collections.tidegate.nftables.plugins.plugin_utils.errors": {"errors", "sets"},
}
"""What the policy imports of the collection beside itself, and in which rooms."""


def module(path: Path) -> str:
    return ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


FILES = {module(path): path for path in ROOT.rglob("*.py")}


def room(name: str) -> str:
    return name.removeprefix(f"{PACKAGE}.").split(".")[0]


def imports(name: str) -> Iterator[str]:
    """Every module of the collection that a file imports."""
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("ansible_collections"))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base.startswith("ansible_collections"):
                # `from .sets import addresses` imports a module, `from .errors import Place` a name in one.
                modules = [f"{base}.{alias.name}" for alias in node.names]
                yield from (each if each in FILES or each in OUTSIDE else base for each in modules)


def test_every_file_has_a_place() -> None:
    assert {room(name) for name in FILES} == {*ROOMS, room(PACKAGE)}


@pytest.mark.parametrize("name", sorted(set(FILES) - {PACKAGE}), ids=lambda name: name.removeprefix(f"{PACKAGE}."))
def test_a_file_imports_only_rooms_before_its_own(name: str) -> None:
    for imported in imports(name):
        if not imported.startswith(f"{PACKAGE}."):
            assert room(name) in OUTSIDE[imported], f"{name} imports {imported}"
        else:
            assert ROOMS.index(room(imported)) <= ROOMS.index(room(name)), f"{name} imports {imported}"


def test_no_file_imports_itself_through_others() -> None:
    try:
        order = list(TopologicalSorter({name: {*imports(name)} & set(FILES) for name in FILES}).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")
    assert set(order) == set(FILES)


def test_a_file_imports_its_own_room_by_relative_names() -> None:
    for name, path in FILES.items():
        if path.parent == ROOT:
            continue
        own = f"{PACKAGE}.{room(name)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                assert not node.module.startswith(own), f"{name} imports {node.module}"
