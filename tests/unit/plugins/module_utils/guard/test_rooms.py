# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of the guard: each imports only those before it, and no import is circular."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import guard

ROOMS = (
    "unchanged",
    "confirmation",
    "installed",
    "host",
    "table",
    "saved",
    "sight",
    "trial",
    "program",
    "apply",
    "run_module",
)
"""In order: what is sent alone, two files, six folders, then the two files in front of them."""
ROOT = Path(guard.__file__).parent
PREFIX = tuple(guard.__name__.split("."))
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__init__.py"
}
"""Every module of the guard by its name below it."""


def imported(module: str) -> Iterator[str]:
    """Yield the modules of the guard that a module imports, also those only for types or within a function."""
    package = (*PREFIX, *module.split(".")[:-1])
    for node in ast.walk(ast.parse(FILES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from inside(tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module or "").split(".")) if node.module else above
            yield from inside([base, *((*base, alias.name) for alias in node.names)])


def inside(names: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> Iterator[str]:
    for name in names:
        below = ".".join(name[len(PREFIX) :])
        if name[: len(PREFIX)] == PREFIX and below in FILES:
            yield below


def test_every_file_is_in_a_room() -> None:
    assert {module.split(".")[0] for module in FILES} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    later = ROOMS[ROOMS.index(room) + 1 :]
    upward = [
        f"{module} imports {other}"
        for module in FILES
        if module.split(".")[0] == room
        for other in imported(module)
        if other.split(".")[0] in later
    ]
    assert upward == []


def test_no_import_is_circular() -> None:
    graph = {module: set(imported(module)) - {module} for module in FILES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)
    assert sum(map(len, graph.values())) > 100, "the imports were not found"
