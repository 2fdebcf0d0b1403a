# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was to be reached, and what was: one table at the end of `make bench`."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tidegate.nftables.tests.bench.costs import markdown


@dataclass(frozen=True)
class Row:
    """What was measured in this run. ours, other: with units; times: of the other side; floor: why it is not less."""

    what: str
    ours: str
    other: str
    times: float | None
    to_reach: str
    reached: bool
    floor: str = ""


ROWS: list[Row] = []
"""Of this run, in the order in which they were measured."""


def table() -> str:
    """Return the rows in Markdown."""
    head = ["what", "ours", "other side", "times", "to reach", "reached"]
    return markdown(
        head,
        [
            [
                row.what,
                row.ours,
                row.other,
                "" if row.times is None else f"{row.times:.2f}",
                row.to_reach,
                "yes" if row.reached else f"no: {row.floor}",
            ]
            for row in ROWS
        ],
    )
