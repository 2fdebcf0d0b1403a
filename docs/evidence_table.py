# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of docs/observe.md from the rules of evidence and of reviews; --check only compares them."""

from __future__ import annotations

import sys
from pathlib import Path

import tables

from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.entries import FINDINGS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import LOOK_AT, NUMBERS

PAGE = Path(__file__).with_name("observe.md")


def numbers() -> str:
    """Return the table of numbers."""
    return tables.table(["number", "is"], ([f"{number:g}", about] for number, about in NUMBERS.values()))


def look_at() -> str:
    """Return the table of what is never suggested."""
    return tables.table(
        ["`why`", "what is never suggested"], ([f"`{why}`", about] for why, (about, _test) in LOOK_AT.items())
    )


def findings() -> str:
    """Return the table of what a review finds."""
    return tables.table(
        ["finding", "is", "overdue"],
        ([f"`{kind}`", about, "yes" if overdue else ""] for kind, (overdue, about) in FINDINGS.items()),
    )


if __name__ == "__main__":
    sys.exit(
        tables.main(PAGE, {"evidence": numbers, "look_at": look_at, "findings": findings}, "the rules of evidence")
    )
