# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of `make coverage`: rooms are counted by their lines and branches, not by their files."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.tools.coverage_report import rooms, shares


def summary(lines: int, lines_run: int, branches: int, branches_run: int) -> dict[str, dict[str, int]]:
    return {
        "summary": {
            "num_statements": lines,
            "covered_lines": lines_run,
            "num_branches": branches,
            "covered_branches": branches_run,
        }
    }


def test_a_room_has_the_lines_and_branches_of_its_files() -> None:
    counted = rooms(
        {
            "plugins/module_utils/nft/live/listing.py": summary(90, 90, 10, 5),
            "plugins/module_utils/nft/engine.py": summary(10, 0, 0, 0),
            "plugins/action/egress_plan.py": summary(4, 4, 0, 0),
        }
    )
    assert {room: shares(counts) for room, counts in counted.items()} == {
        "plugins/module_utils/nft": {"lines": 0.9, "branches": 0.5},
        "plugins/action": {"lines": 1.0, "branches": 1.0},
    }
