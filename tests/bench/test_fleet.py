# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets: what the tables of controller.py and namespaces.py say, each row beside its other side."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.tidegate.nftables.tests.bench.namespaces import CHANGE, PING, TO_REACH
from ansible_collections.tidegate.nftables.tests.bench.summary import ROWS, Row

PACKAGE = "ansible_collections.tidegate.nftables.tests.bench"
CHANGE_FLOOR = "a module of this size costs twice a ping before it does anything (docs/performance.md)"
PLANS = {"plan of 100 hosts": 5.0, "plan of 500 hosts": 20.0}
"""Seconds to reach; of 500 hosts, 10 for each of the two commits."""


def printed(name: str, *arguments: str) -> list[list[str]]:
    """Return the cells of the tables that a program prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.{name}", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    print("\n" + done.stdout)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]


def test_users_cost_next_to_nothing_and_a_mesh_little_memory() -> None:
    rows = printed("controller")
    meshes = [row for row in rows if row[0].startswith("400 entries")]
    assert len(meshes) == 3
    for what, ours, other, times, megabytes in meshes:
        fits = float(ours) < 2 and float(megabytes) < 300
        cost = f"{ours} s, {megabytes} MB"
        ROWS.append(Row(f"mesh, {what}", cost, f"without users {other} s", float(times), "< 2 s, < 300 MB", fits))
    for what, ours, other, times in (row for row in rows if row[0].startswith("plan of")):
        limit = next(seconds for name, seconds in PLANS.items() if what.startswith(name))
        fits = float(ours.split(" / ")[1]) < limit
        ROWS.append(
            Row(what, f"{ours} s", f"one task that does nothing {other} s", float(times), f"< {limit:g} s", fits)
        )
    assert all(row.reached for row in ROWS)
    assert all(float(row[3]) < 2 for row in meshes)


def test_the_unchanged_role_beside_ping() -> None:
    rows = [row for row in printed("namespaces", "20", "3") if row[0].startswith(tuple(TO_REACH))]
    assert len(rows) == len(TO_REACH)
    (_ping, _wall, ping, *_rest), *ours = rows
    for what, wall, cpu, _times_wall, times, aim in ours:
        floor = CHANGE_FLOOR if what.startswith(CHANGE) else "the machine was busy"
        side = f"{PING} {ping} s processor"
        ROWS.append(
            Row(what, f"{wall} / {cpu} s", side, float(times), f"{aim} times", float(times) <= float(aim), floor)
        )
    assert all(float(row[4]) < 0.7 for row in ours if not row[0].startswith(CHANGE))
