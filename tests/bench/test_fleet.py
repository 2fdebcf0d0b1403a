# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets: what the tables of controller.py and namespaces.py say, each row beside its other side."""

from __future__ import annotations

import subprocess
import sys

PACKAGE = "ansible_collections.tidegate.nftables.tests.bench"


def printed(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.{name}", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    print("\n" + done.stdout)
    return done.stdout


def test_users_cost_next_to_nothing_and_a_mesh_little_memory() -> None:
    rows = [row.split("|") for row in printed("controller").splitlines() if row.startswith("| 400 entries")]
    assert len(rows) == 3
    assert all(float(row[4]) < 2 for row in rows)
    assert all(float(row[5]) < 300 for row in rows)


def test_the_unchanged_role_beside_ping() -> None:
    rows = [row.split("|") for row in printed("namespaces", "20", "3").splitlines() if row.startswith("| the ")]
    assert len(rows) == 2
    assert all(float(row[5]) < 0.7 for row in rows)
