# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that run on each ansible-core run every playbook, action, module and filter between them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.completeness.test_playbooks import PLAYBOOKS, texts

CHOSEN = [
    line for line in (CHECKOUT / "tests/tools/cores.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"
]
PLUGINS = sorted(
    {path.stem for kind in ("action", "modules", "filter") for path in (CHECKOUT / "plugins" / kind).glob("*")}
    - {"names", "__pycache__"}
)
"""Names of actions, modules and filters; the filters of names.py have a page of documentation each."""
BY_GLOB = {"test_module_examples.py": "nft_*.py"}
"""Tests that take their modules from the folder of modules."""


def files(chosen: str) -> Iterator[Path]:
    path = CHECKOUT / chosen.partition("::")[0]
    yield from sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def run_by_tests() -> set[str]:
    """Return the names that the chosen tests have as a text of their own, in a task, or in a generated one."""
    names = set()
    for path in (path for chosen in CHOSEN for path in files(chosen)):
        for text in texts(path):
            names |= set(re.findall(r"tidegate\.nftables\.(\w+)", text)) | {text}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {found.stem for found in (CHECKOUT / "plugins" / "modules").glob(BY_GLOB.get(path.name, "nothing"))}
    return names


def run_by_playbooks(names: set[str]) -> set[str]:
    """Return what the playbooks among these names run, directly or by a role of ours."""
    folders = {
        "playbooks": "*.yml",
        "playbooks/lab/tasks": "*.yml",
        "roles": "*/tasks/*.yml",
        "playbooks/tasks": "*.yml",
    }
    mentioned = set()
    for folder, pattern in folders.items():
        for path in (CHECKOUT / folder).glob(pattern):
            if folder != "playbooks" or path.stem in names:
                mentioned |= set(re.findall(r"tidegate\.nftables\.(\w+)", path.read_text(encoding="utf-8")))
    return mentioned


RUN = run_by_tests()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_test_of_each_core_runs_the_playbook(playbook: str) -> None:
    assert playbook in RUN


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_test_of_each_core_runs_the_plugin(plugin: str) -> None:
    assert plugin in RUN | run_by_playbooks(RUN)


@pytest.mark.parametrize("chosen", CHOSEN)
def test_what_is_chosen_is_there(chosen: str) -> None:
    path, _separator, function = chosen.partition("::")
    assert (CHECKOUT / path).exists()
    assert not function or f"def {function}(" in (CHECKOUT / path).read_text(encoding="utf-8")
