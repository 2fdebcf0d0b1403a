# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the table of bundles in docs/names.md from their data files; with --check it only compares it."""

from __future__ import annotations

import sys
from pathlib import Path

import tables

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

PAGE = Path(__file__).with_name("names.md")


def bundles() -> str:
    """Return every shipped bundle with its names, services, source and day."""
    head = ("bundle", "what it is", "names", "services", "read", "shared", "published networks")
    rows = []
    for name in datafiles.names("known"):
        row = datafiles.load(f"known/{name}")
        cells = [f"`known:{name}`", f"[{row['about']}]({row['source'].split()[0]})"]
        cells += [", ".join(f"`{text}`" for text in row[key]) for key in ("names", "services")]
        cells += [
            row["read"].isoformat(),
            "yes" if row.get("shared") else "no",
            row.get("published", {}).get("url", ""),
        ]
        rows.append(cells)
    return tables.table(head, rows)


if __name__ == "__main__":
    sys.exit(tables.main(PAGE, {"known": bundles}, "the files in policy/data/known"))
