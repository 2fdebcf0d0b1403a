# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CONTRIBUTING.md shows additions on real ones: what it quotes stands in the file that it names."""

from __future__ import annotations

import re

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PAGE = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
QUOTES = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
HEADINGS = ("A service", "A tier", "A target", "A kind of nftables object", "A playbook")


@pytest.mark.parametrize(("path", "quote"), QUOTES, ids=[path for path, _quote in QUOTES])
def test_a_quote_stands_in_its_file(path: str, quote: str) -> None:
    assert quote in (CHECKOUT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_kind_of_addition_is_shown_on_a_real_one(heading: str) -> None:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert re.search(r"<!-- \S+ -->\n```", section)


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:plugins|tests|docs|playbooks|changelogs)/[\w/.]+)`", PAGE)))
)
def test_paths_in_the_page_exist(path: str) -> None:
    assert (CHECKOUT / path).exists()
