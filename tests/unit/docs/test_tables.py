# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables in pages that are written from data are up to date, and one that is not is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

DOCS = CHECKOUT / "docs"
SCRIPTS = sorted(path.name for path in DOCS.glob("*.py") if path.name != "tables.py")


def check(script: Path) -> subprocess.CompletedProcess[str]:
    """Run a script that writes tables so that it only compares them."""
    return subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_tables_are_up_to_date(script: str) -> None:
    run = check(DOCS / script)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_table_that_is_out_of_date_is_noticed(script: str, tmp_path: Path) -> None:
    for folder in ("docs", "roles", "plugins/plugin_utils/policy/data"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder)
    pages = [*(tmp_path / "docs").glob("*.md"), tmp_path / "roles" / "egress" / "README.md"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace("<!-- end of table", "| a | row |\n<!-- end of table"), encoding="utf-8")
    run = check(tmp_path / "docs" / script)
    assert run.returncode == 1
    assert "is out of date" in run.stderr


def test_make_docs_runs_every_script() -> None:
    assert len(SCRIPTS) >= 3
    assert "docs/*_table*.py" in (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert all("_table" in script for script in SCRIPTS)
