# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook has a page that names it, with what it is for, and a test that runs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PLAYBOOKS = sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml"))
PAGES = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
COMMAND = re.compile(r"ansible-playbook\b.*?(?:tidegate\.nftables\.(\w+)|playbooks/(\w+)\.yml)")


def texts(path: Path) -> Iterator[str]:
    """Yield the texts in a test's code, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


NAMED = {name for page in PAGES for pair in COMMAND.findall(page.read_text(encoding="utf-8")) for name in pair if name}
"""Playbooks in a command that a page shows."""

RUN = {
    match[1]
    for folder in ("tests/integration", "molecule")
    for path in (CHECKOUT / folder).rglob("*.py")
    for text in texts(path)
    if (match := re.fullmatch(r"(?:tidegate\.nftables\.)?(\w+?)(?:\.yml)?", text))
    and text in (f"tidegate.nftables.{match[1]}", f"{match[1]}.yml")
}
"""Playbooks that a test names as an argument of its own."""


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_page_shows_how_to_run_it(playbook: str) -> None:
    assert playbook in NAMED


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_test_runs_it(playbook: str) -> None:
    assert playbook in RUN


@pytest.mark.parametrize("playbook", sorted(NAMED))
def test_pages_name_no_playbook_that_is_not_there(playbook: str) -> None:
    assert playbook in PLAYBOOKS
