# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write tables into pages from data: each between two marks with its name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

Tables = Mapping[str, Callable[[], str]]
"""Functions that return a table in Markdown, by the name in the marks."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    cells = [list(head), *map(list, rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def main(page: Path, tables: Tables, source: str) -> int:
    """Write the page; with --check return 1 when that would change it. source: what the tables are made from."""
    parser = argparse.ArgumentParser(description=f"Writes the tables of {page.name} from {source}.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail when the page is not up to date")
    check = parser.parse_args().check
    old = page.read_text(encoding="utf-8")
    new = _written(page, old, tables)
    if check and old != new:
        sys.stderr.write(f"{page} is out of date: {source} say something else. Fix: run make docs.\n")
        return 1
    if not check:
        page.write_text(new, encoding="utf-8")
    return 0


def _written(page: Path, text: str, tables: Tables) -> str:
    for name, make in tables.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end of table: {name} -->"
        before, mark, rest = text.partition(begin)
        _old, closing, after = rest.partition(end)
        if not mark or not closing:
            raise ValueError(f"{page.name} has no marks for the table {name}")
        text = f"{before}{begin}{make()}\n{end}{after}"
    return text
