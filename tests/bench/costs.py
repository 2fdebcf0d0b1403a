# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation costs, measured from outside, and tables of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    # By method: ours, nft VERSION, reload VERSION; with "unchanged" also nothing, a module that does nothing; with add
    # and delete also batch, the change itself.
    costs: dict[str, Cost]

    @property
    def name(self) -> str:
        """The set and its size."""
        return f"{self.kind} v{self.family}, {self.size:,}"

    def ratio(self, method: str, ours: str = "ours") -> float:
        """How many times more processor time a method takes than ours; a lower bound where it was stopped."""
        return self.costs[method].cpu / self.costs[ours].cpu


def least(tries: Sequence[Cost]) -> Cost:
    """The least of each figure, of those that did not fail; other work on the machine adds to all of them."""
    done = [cost for cost in tries if not cost.failed and not cost.over] or tries
    return replace(done[0], wall=min(cost.wall for cost in done), cpu=min(cost.cpu for cost in done))


def measured(command: Sequence[str], limit: float, environment: Mapping[str, str] | None = None) -> Cost:
    """Runs a command; stopped when it takes longer than limit seconds. One of ours that fails ends the benchmark."""
    with tempfile.TemporaryFile() as output:
        start = perf_counter()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env=environment)
        signal.signal(signal.SIGALRM, lambda *_arguments: child.kill())
        signal.setitimer(signal.ITIMER_REAL, limit)
        assert child.stderr is not None
        error_output = child.stderr.read()
        _pid, status, usage = os.wait4(child.pid, 0)
        wall = perf_counter() - start
        signal.setitimer(signal.ITIMER_REAL, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stderr.close()
        over = child.returncode == -signal.SIGKILL
        output.seek(0)
        megabytes, cpu = usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime
        if command[0] == sys.executable and child.returncode != 0 and not over:
            raise SystemExit(f"{command}: {error_output.decode(errors='replace')} {output.read()[:2000].decode()}")
        failed = "" if child.returncode == 0 or over else "crash" if child.returncode < 0 else "error"
        return Cost(wall, cpu, megabytes, over, failed)


def table(rows: Sequence[Row], versions: Sequence[str]) -> str:
    """All that was measured, in Markdown: ms wall / ms processor / MB (how many times our processor time)."""
    methods = ["ours", "batch", *(f"{way} {version}" for way in ("nft", "reload") for version in versions)]
    head = ["set", "operation", "ours", "the change itself", *methods[2:]]
    return markdown(head, [[row.name, row.operation, *(_cell(row, method) for method in methods)] for row in rows])


def short(rows: Sequence[Row], versions: Sequence[str]) -> str:
    """In Markdown, ms of processor time of ours / nft's, each release; a line for each set."""
    operations = list(dict.fromkeys(row.operation for row in rows))
    by_name: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, {})[row.operation] = row
    methods = ["ours", *(f"nft {version}" for version in versions)]
    lines = []
    for name, by_operation in by_name.items():
        cells = [
            [_ms(by_operation[operation].costs.get(method)) for method in methods] if operation in by_operation else []
            for operation in operations
        ]
        lines.append([name, *(" / ".join(cell) for cell in cells)])
    return markdown(["set", *operations], lines)


def ratios(rows: Sequence[Row], versions: Sequence[str]) -> str:
    """In Markdown, how many times quicker than nft's command a change is: the change itself, and the whole module."""
    head = ["set", "operation", "module, ms", "without a module that does nothing", "the change itself, ms"]
    head += [f"{what} against nft {version}" for version in versions for what in ("module", "change itself")]
    nothing = {row.name: row.costs["nothing"].cpu for row in rows if "nothing" in row.costs}
    lines = []
    for row in rows:
        if "batch" in row.costs:
            more = [
                f"{'>' if row.costs[f'nft {version}'].over else ''}{row.ratio(f'nft {version}', ours):.0f}"
                for version in versions
                for ours in ("ours", "batch")
            ]
            whole = row.costs["ours"].cpu
            beyond = f"{(whole - nothing[row.name]) * 1000:.0f}" if row.name in nothing else "-"
            lines.append([row.name, row.operation, _ms(row.costs["ours"]), beyond, _ms(row.costs["batch"]), *more])
    return markdown(head, lines)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *lines))


def _cell(row: Row, method: str) -> str:
    cost = row.costs.get(method)
    if cost is None or cost.failed:
        return cost.failed if cost else ""
    more = ">" if cost.over else ""
    times = f" ({more}{row.ratio(method):.1f})" if method not in ("ours", "batch") else ""
    size = f" / {cost.megabytes:.0f}" if cost.megabytes else ""
    return f"{more}{cost.wall * 1000:.0f} / {cost.cpu * 1000:.0f}{size}{times}"


def _ms(cost: Cost | None) -> str:
    if cost is None or cost.failed:
        return cost.failed if cost else "-"
    return f"{'>' if cost.over else ''}{cost.cpu * 1000:.0f}"
