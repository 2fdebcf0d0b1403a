# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of sets.py, printed, and what they have to reach at a hundred thousand elements.

Takes about ten minutes, most of it nft 1.0.6 deleting intervals. Further sizes: TIDEGATE_BENCH_SIZES=1000000.
Limits are of processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).with_name("sets.py")
LARGE = 100_000
SIZES = ",".join(filter(None, ("1000,10000", str(LARGE), os.environ.get("TIDEGATE_BENCH_SIZES", ""))))
VERSIONS = ("1.0.6", "1.1.3")

Costs = dict[str, dict[str, Any]]
Rows = dict[tuple[str, int, int, str], Costs]


def bench(folder: Path, *options: str) -> Rows:
    """The rows of one run; its table goes to the terminal."""
    path = folder / "rows.json"
    command = [sys.executable, str(BENCH), "--nft", ",".join(VERSIONS), *options, "--json", str(path)]
    print("\n" + subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    rows = json.loads(path.read_text(encoding="ascii"))
    return {(row["kind"], row["family"], row["size"], row["operation"]): row["costs"] for row in rows}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return bench(tmp_path_factory.mktemp("sets"), "--sizes", SIZES)


BOTH = pytest.mark.parametrize("family", [4, 6])
PLAIN = pytest.mark.parametrize("kind", ["interval", "hash"])


@BOTH
@PLAIN
def test_an_unchanged_run_costs_little_more_than_a_module_that_does_nothing(rows: Rows, kind: str, family: int) -> None:
    costs = rows[kind, family, LARGE, "unchanged"]
    assert costs["ours"]["cpu"] < 1.5 * costs["nothing"]["cpu"]


@BOTH
@PLAIN
@pytest.mark.parametrize("operation", ["add", "delete"])
def test_a_small_change_of_a_large_set_takes_under_a_third_of_a_second(
    rows: Rows, kind: str, family: int, operation: str
) -> None:
    """Of the whole module, of which the half and more is a module that does nothing."""
    assert rows[kind, family, LARGE, operation]["ours"]["cpu"] < 0.3


@BOTH
@pytest.mark.parametrize(("version", "times"), [("1.0.6", 200), ("1.1.3", 30)])
def test_deleting_a_hundred_intervals_is_far_faster_than_nft(rows: Rows, family: int, version: str, times: int) -> None:
    """The change itself; that a module has to be started for it is the test above."""
    costs = rows["interval", family, LARGE, "delete"]
    assert costs[f"nft {version}"]["cpu"] > times * costs["batch"]["cpu"]


@BOTH
@PLAIN
@pytest.mark.parametrize("version", VERSIONS)
def test_a_first_load_costs_little_more_than_nfts(rows: Rows, kind: str, family: int, version: str) -> None:
    """The start of a module left out, which is the same for a module that does nothing."""
    costs = rows[kind, family, LARGE, "load"]
    nothing = rows[kind, family, LARGE, "unchanged"]["nothing"]
    assert costs["ours"]["cpu"] - nothing["cpu"] < 1.2 * costs[f"nft {version}"]["cpu"]
    assert costs["ours"]["megabytes"] < 2 * costs[f"nft {version}"]["megabytes"]


@BOTH
@PLAIN
def test_after_somebody_elses_commit_a_run_costs_what_nfts_listing_costs(rows: Rows, kind: str, family: int) -> None:
    """The start of a module left out; the greater part is the kernel's dump, the same for everybody."""
    costs = rows[kind, family, LARGE, "compare"]
    nothing = rows[kind, family, LARGE, "unchanged"]["nothing"]
    listing = min(costs[f"nft {version}"]["cpu"] for version in VERSIONS)
    assert costs["ours"]["cpu"] - nothing["cpu"] < 1.2 * listing
