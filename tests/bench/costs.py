# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation costs, measured from outside, and a table of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Cost:
    """Seconds and megabytes of one operation, of a process from its start to its end.

    over: stopped at the limit. failed: what became of a command that did not do its work, "crash" or "error".
    """

    wall: float
    cpu: float
    megabytes: float
    over: bool = False
    failed: str = ""


@dataclass(frozen=True)
class Row:
    kind: str
    family: int
    size: int
    operation: str
    costs: dict[str, Cost]  # by method: ours, nft VERSION, reload VERSION; with "unchanged" also nothing

    def ratio(self, method: str) -> float:
        """How many times longer a method takes than ours; a lower bound where it was stopped."""
        return self.costs[method].wall / self.costs["ours"].wall


def measured(command: Sequence[str], limit: float, environment: Mapping[str, str] | None = None) -> Cost:
    """Runs a command; stopped when it takes longer than limit seconds. One of ours that fails ends the benchmark."""
    with tempfile.TemporaryFile() as output:
        begun = perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env=environment)
        signal.signal(signal.SIGALRM, lambda *_arguments: child.kill())
        signal.setitimer(signal.ITIMER_REAL, limit)
        assert child.stderr is not None
        told = child.stderr.read()
        _pid, status, usage = os.wait4(child.pid, 0)
        wall = perf_counter() - begun
        signal.setitimer(signal.ITIMER_REAL, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
        over = child.returncode == -signal.SIGKILL
        output.seek(0)
        megabytes, cpu = usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
        if command[0] == sys.executable and child.returncode != 0 and not over:
            raise SystemExit(f"{command}: {told.decode(errors='replace')} {output.read()[:2000].decode()}")
        failed = "" if child.returncode == 0 or over else "crash" if child.returncode < 0 else "error"
        return Cost(wall, cpu, megabytes, over, failed)


def table(rows: Sequence[Row], versions: Sequence[str]) -> str:
    """Milliseconds and megabytes; behind each method of others how many times ours it takes."""
    methods = [f"{way} {version}" for version in versions for way in ("nft", "reload")]
    head = ["set", "elements", "operation", "ours ms", "cpu", "MB"]
    head += [part for method in methods for part in (f"{method} ms", "x ours", "cpu", "MB")]
    lines = [head]
    for row in rows:
        mine = row.costs["ours"]
        line = [f"{row.kind} v{row.family}", f"{row.size}", row.operation]
        line += [_ms(mine), f"{mine.cpu * 1000:.0f}", f"{mine.megabytes:.0f}"]
        for method in methods:
            cost = row.costs.get(method)
            if cost is None or cost.failed:
                line += [cost.failed if cost else "-", "-", "-", "-"]
                continue
            more = ">" if cost.over else ""
            line += [_ms(cost), f"{more}{row.ratio(method):.1f}", f"{cost.cpu * 1000:.0f}", f"{cost.megabytes:.0f}"]
        lines.append(line)
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _ms(cost: Cost) -> str:
    return f"{'>' if cost.over else ''}{cost.wall * 1000:.0f}"
