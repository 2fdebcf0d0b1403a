# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test sanity most often finds in new files, in a second instead of ten minutes."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT


def texts(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of files of the project."""
    for folder in ("docs", "molecule", "playbooks", "plugins", "tests"):
        for path in (CHECKOUT / folder).rglob(pattern):
            if "output" not in path.parts:
                yield str(path.relative_to(CHECKOUT)), path.read_text(encoding="utf-8")


def test_python_is_indented_by_spaces_in_texts_too() -> None:
    """What nft indents by tabs goes through by_tabs of tests/support/nft.py."""
    assert [path for path, text in texts("*.py") if "\t" in text] == []


def test_no_variable_is_an_underscore() -> None:
    assert [path for path, text in texts("*.py") if " for " + "_ in " in text] == []


def test_scripts_name_bash_by_env() -> None:
    assert [path for path, text in texts("*.sh") if text.startswith("#!/bin/bash")] == []
