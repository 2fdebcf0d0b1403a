# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Python package that the controller's code imports is declared, and each declared one is imported."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import run

ON_HOSTS = ("modules", "module_utils")
WITH_ANSIBLE = {"ansible", "ansible_collections", "jinja2", "markupsafe", "yaml"}
"""What ansible-core itself brings."""


def imported(path: Path) -> set[str]:
    """Return the first words of what a file imports, also by name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            names |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def declared(name: str) -> set[str]:
    """Return the packages that a file of requirements names."""
    lines = (CHECKOUT / name).read_text(encoding="utf-8").splitlines()
    return {match[0] for line in lines if (match := re.match(r"[a-z0-9_-]+", line))}


FILES = sorted((CHECKOUT / "plugins").rglob("*.py"))


def test_the_controller_imports_what_is_declared() -> None:
    on_controller = [path for path in FILES if path.relative_to(CHECKOUT / "plugins").parts[0] not in ON_HOSTS]
    names = set().union(*map(imported, on_controller)) - WITH_ANSIBLE
    assert names == declared("requirements.txt") | declared("requirements-flows.txt")


IMPORT_ALL = """
import importlib, sys
for name in ("duckdb", "jmespath", "netaddr"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_every_file_is_imported_without_them() -> None:
    """Galaxy and ansible-doc read the documentation of plugins with ansible-core alone."""
    names = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in FILES if path.name != "__init__.py"]
    modules = [f"ansible_collections.tidegate.nftables.{name}" for name in names]
    run([sys.executable, "-c", IMPORT_ALL, *modules])


@pytest.mark.parametrize("folder", ON_HOSTS)
def test_hosts_need_the_standard_library_alone(folder: str) -> None:
    names = set().union(*map(imported, (CHECKOUT / "plugins" / folder).rglob("*.py")))
    assert names <= {"ansible", "ansible_collections"}


@pytest.mark.parametrize("name", ["README.md", "docs/examples/site/requirements.txt", "docs/platforms.md"])
def test_pages_and_the_example_name_them(name: str) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    assert [package for package in declared("requirements.txt") if not re.search(rf"\b{package}\b", text)] == []
