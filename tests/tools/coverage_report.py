# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combine what each process of `make coverage` measured, print it room by room, and exit with 1 below the limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "coverage"
LIMITS = {"lines": 0.95, "branches": 0.90}
DEPTH = 3
"""Folders of a path that name a room: plugins/module_utils/guard."""


def coverage(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "coverage", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def shares(counts: Counter[str]) -> dict[str, float]:
    """Return the shares of lines and branches that ran."""
    return {kind: counts[f"{kind} run"] / counts[kind] if counts[kind] else 1.0 for kind in LIMITS}


def rooms(report: dict[str, dict[str, dict[str, int]]]) -> dict[str, Counter[str]]:
    """Return the counts of each room. report: the summaries by file that coverage writes as JSON."""
    counted: dict[str, Counter[str]] = {}
    for path, entry in report.items():
        summary, room = entry["summary"], "/".join(PurePath(path).parent.parts[:DEPTH])
        counted.setdefault(room, Counter()).update(
            {
                "lines": summary["num_statements"],
                "lines run": summary["covered_lines"],
                "branches": summary["num_branches"],
                "branches run": summary["covered_branches"],
            }
        )
    return counted


def main() -> int:
    if any(FOLDER.glob("data.*")):
        coverage("combine", str(FOLDER))
    coverage("json", "--ignore-errors", "-o", str(FOLDER / "report.json"))
    counted = rooms(json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))["files"])
    total: Counter[str] = Counter()
    for room, counts in sorted(counted.items()):
        total.update(counts)
        print(f"{room:45} {shares(counts)['lines']:7.1%} of lines {shares(counts)['branches']:7.1%} of branches")
    print(f"{'all':45} {shares(total)['lines']:7.1%} of lines {shares(total)['branches']:7.1%} of branches")
    return 0 if all(share >= LIMITS[kind] for kind, share in shares(total).items()) else 1


if __name__ == "__main__":
    sys.exit(main())
