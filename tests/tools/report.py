# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make's targets one after the other, go on after a failure, and end with one line: N passed, N failed.

    report.py lint unit integration+molecule

Targets joined by + run at the same time, since both mostly wait; the second's output follows the first's. A target that
leaves JUnit reports in build/reports (``TARGET.xml`` or ``TARGET-*.xml``) counts by its tests, any other as one check.
Nothing may pass in silence: a target or a Molecule scenario without a single test, and a skipped test, count as failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET  # what is read is what pytest has just written
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

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


def run(target: str, output: IO[bytes] | None = None) -> tuple[Tally, float]:
    """Run ``make target``; return what it came to and its seconds. output: a file in place of the terminal."""
    started = time.monotonic()
    for report in REPORTS.glob(f"{target}*.xml"):
        report.unlink()
    done = subprocess.run(["make", target], cwd=ROOT, check=False, stdout=output, stderr=output)
    ended_well = done.returncode == 0
    tally = Tally()
    if target in CHECKS:
        tally.passed += ended_well
    else:
        for report in reports_of(target):
            tally.add(read(report))
    if not ended_well and not tally.failures:
        tally.failures.append(f"{target}: make {target} failed, see above")
    return tally, time.monotonic() - started


def run_together(targets: list[str]) -> Iterator[tuple[str, Tally, float]]:
    """Run targets at the same time; yield each with what it came to when its output is printed."""
    with ThreadPoolExecutor() as pool, ExitStack() as stack:
        outputs = [None, *(stack.enter_context(tempfile.TemporaryFile()) for _target in targets[1:])]
        running = [pool.submit(run, target, output) for target, output in zip(targets, outputs, strict=True)]
        for target, output, future in zip(targets, outputs, running, strict=True):
            if output is None:
                print(f"\n=== {target} ===", flush=True)
            tally, seconds = future.result()
            if output is not None:
                output.seek(0)
                print(f"\n=== {target} ===", output.read().decode(errors="replace"), sep="\n", flush=True)
            yield target, tally, seconds


def main(steps: list[str]) -> int:
    total = Tally()
    times = []
    for step in steps:
        for target, tally, seconds in run_together(step.split("+")):
            total.add(tally)
            times.append(f"{target} {seconds:.0f} s")
    print("\n" + ", ".join(times))
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(f"{total.passed} passed, {len(total.failures)} failed")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
