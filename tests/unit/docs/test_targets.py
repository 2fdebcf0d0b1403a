# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/targets.md and the pages of targets say what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.support.golden import Golden
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.pages import DOCS, PAGES, Page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_its_input_gives(page: Page, golden: Golden) -> None:
    if golden.regenerate:
        page.regenerate()
    made = page.made()
    assert page.blocks[1 : len(made) + 1] == made


@pytest.mark.parametrize("path", [DOCS / "targets.md", *(DOCS / "targets").glob("*.md")], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for file in re.findall(r"\]\(([^)#:]+\.md)", path.read_text(encoding="utf-8")):
        assert (path.parent / file).exists(), file


def test_every_target_has_a_page() -> None:
    assert {path.stem for path in (DOCS / "targets").glob("*.md")} == set(TARGETS)
