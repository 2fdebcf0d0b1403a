# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make's targets one after the other, go on after a failure, and end with one line: N passed, N failed.

    report.py lint unit integration molecule

A target that leaves JUnit reports in build/reports (``TARGET.xml`` or ``TARGET-*.xml``) counts by its tests, any other
as one check. Nothing may pass in silence: a target or a Molecule scenario without a single test, and a skipped test,
count as failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET  # what is read is what pytest has just written
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "build" / "reports"
CHECKS = {"lint", "build", "sanity", "ansible-units", "ansible-integration", "importer", "html"}
"""Targets that leave no reports."""


@dataclass
class Tally:
    """What one target or scenario came to: counts, and a sentence for each thing that failed."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failures += other.failures


def read(report: Path) -> Tally:
    """Count one JUnit report. A report without tests and a skipped test are failures."""
    name = report.stem
    if not report.exists():
        return Tally(failures=[f"{name}: left no report, so nothing was tested"])
    tally = Tally()
    for case in ET.parse(report).getroot().iter("testcase"):
        bad = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
        if bad:
            tally.failures.append(f"{name}: {case.get('classname')}::{case.get('name')} ({bad[0]})")
        else:
            tally.passed += 1
    if not tally.passed and not tally.failures:
        tally.failures.append(f"{name}: ran no assertion")
    return tally


def reports_of(target: str) -> list[Path]:
    """The reports that a target must leave."""
    if target == "molecule":
        return [REPORTS / f"molecule-{path.parent.name}.xml" for path in sorted(ROOT.glob("molecule/*/molecule.yml"))]
    if target == "cores":
        return sorted(REPORTS.glob("cores-*.xml")) or [REPORTS / "cores.xml"]
    return [REPORTS / f"{target}.xml"]


def run(target: str) -> Tally:
    """Run ``make target`` and count what it did."""
    for report in REPORTS.glob(f"{target}*.xml"):
        report.unlink()
    ended_well = subprocess.run(["make", target], cwd=ROOT, check=False).returncode == 0
    tally = Tally()
    if target in CHECKS:
        tally.passed += ended_well
    else:
        for report in reports_of(target):
            tally.add(read(report))
    if not ended_well and not tally.failures:
        tally.failures.append(f"{target}: make {target} failed, see above")
    return tally


def main(targets: list[str]) -> int:
    total = Tally()
    times = []
    for target in targets:
        print(f"\n=== {target} ===", flush=True)
        started = time.monotonic()
        total.add(run(target))
        times.append(f"{target} {time.monotonic() - started:.0f} s")
    print("\n" + ", ".join(times))
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(f"{total.passed} passed, {len(total.failures)} failed")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
