# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the code in one place at a time and see whether a test notices: mutants.py ROOM [SAMPLE [SEED]].

Cosmic Ray changes a copy of the checkout, so this runs with the Python of its environment (mutants.sh). SAMPLE places
are drawn (100; 0: all), and of each place one change; annotations and options of dataclasses are left out, since no
test can notice them. What became of each is in build/mutants/ROOM.jsonl, and a run that was interrupted goes on from
there. At the end: the survivors, and exit code 1 below 85 %.
"""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_and_test

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "mutants"
ENOUGH = 0.85
CPU_SECONDS = 600
"""Of one run of tests; a change that makes a loop endless is noticed by it, also on a busy machine."""


@dataclass(frozen=True)
class Room:
    """sources: folders of the code. stages: tests, the fast ones first; the next is for what the one before missed."""

    sources: tuple[str, ...]
    stages: tuple[tuple[str, ...], ...]

    def files(self) -> list[Path]:
        """Return the files of the room, below the current folder."""
        paths = [path for source in self.sources for path in Path(source).rglob("*.py")]
        return sorted(path for path in paths if path.name != "__init__.py")


UNIT = "tests/unit/plugins/plugin_utils"
GUARD = "tests/integration/guard"
ROOMS = {
    "algebra": Room(
        ("plugins/plugin_utils/policy/sets", "plugins/plugin_utils/policy/proving"),
        ((f"{UNIT}/policy",),),
    ),
    "compiler": Room(("plugins/plugin_utils/targets/nftables",), ((f"{UNIT}/targets",),)),
    "plan": Room(("plugins/plugin_utils/plan",), ((f"{UNIT}/plan",), ("tests/integration/plan",))),
    "guard": Room(
        ("plugins/module_utils/guard",),
        (
            ("tests/unit/plugins/module_utils/guard",),
            tuple(f"{GUARD}/test_{name}.py" for name in ("module", "refusals", "trial", "ledger", "console", "boot")),
        ),
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change. occurrence: which of the places of a file that the operator can change."""

    path: Path
    line: int
    column: int
    operator: str
    occurrence: int
    spec: Any

    @property
    def name(self) -> str:
        """Return what it is known by from one run to the next."""
        return f"{self.path}:{self.line}:{self.column} {self.operator.removeprefix('core/')} {self.occurrence}"


def unnoticeable(tree: ast.AST) -> set[tuple[int, int]]:
    """Return the places of annotations and of classes' decorators, as (line, column) of everything in them."""
    roots: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots.append(node.returns)
        elif isinstance(node, ast.ClassDef):
            roots += node.decorator_list
    return {
        (line, column)
        for root in roots
        if root is not None
        for line in range(root.lineno, (root.end_lineno or root.lineno) + 1)
        for column in range(root.col_offset, (root.end_col_offset or root.col_offset) + 1)
    }


def mutants(room: Room) -> Iterator[Mutant]:
    """Yield every change of a room's files."""
    for path in room.files():
        skipped = unnoticeable(ast.parse(path.read_text(encoding="utf-8")))
        for item in _all_work_items([path], {}):
            (spec,) = item.mutations
            line, column = spec.start_pos
            if (line, column) not in skipped and spec.operator_name != "core/NoOp":
                yield Mutant(path, line, column, spec.operator_name, spec.occurrence, spec)


def drawn(room: Room, sample: int, seed: int) -> list[Mutant]:
    """Return one change of each drawn place. A longer sample has the same places and others."""
    places: dict[tuple[Path, int, int], list[Mutant]] = {}
    for mutant in mutants(room):
        places.setdefault((mutant.path, mutant.line, mutant.column), []).append(mutant)
    # Drawn place by place, so that a place that is new or gone leaves the others as they are.
    order = sorted(places, key=lambda place: random.Random(f"{seed} {place}").random())
    return [random.Random(f"{seed} {place} change").choice(places[place]) for place in order[: sample or None]]


def command(path: Path, tests: tuple[str, ...]) -> str:
    """Return the command that runs a stage, the file's own test first."""
    own = Path("tests/unit") / path.parent / f"test_{path.name}"
    first = (str(own),) if own.exists() and tests[0].startswith("tests/unit") else ()
    python = ROOT / ".venv" / "bin" / "python"
    options = "-x -q -p no:cacheprovider -p no:randomly"
    return f"prlimit --cpu={CPU_SECONDS} {python} -m pytest {options} {' '.join((*first, *tests))}"


def outcome(room: Room, mutant: Mutant) -> dict[str, Any]:
    """Try a change on each stage until a test notices it."""
    for number, tests in enumerate(room.stages, 1):
        result = mutate_and_test([mutant.spec], command(mutant.path, tests), timeout=3600)
        if result.test_outcome is None or result.test_outcome.name == "INCOMPETENT":
            raise RuntimeError(f"{mutant.name}: {result.output}")
        if result.test_outcome.name == "KILLED":
            return {"mutant": mutant.name, "killed": number}
    return {"mutant": mutant.name, "killed": 0, "diff": result.diff}


def run(name: str, sample: int, seed: int) -> bool:
    """Try the changes of a room, print the survivors; return whether enough were noticed."""
    room = ROOMS[name]
    log = FOLDER / f"{name}.jsonl"
    done = {}
    if log.exists():
        done = {entry["mutant"]: entry for entry in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    chosen = drawn(room, sample, seed)
    for mutant in chosen:
        if mutant.name not in done:
            done[mutant.name] = outcome(room, mutant)
            with log.open("a", encoding="utf-8") as file:
                print(json.dumps(done[mutant.name]), file=file)
    survivors = [done[mutant.name] for mutant in chosen if not done[mutant.name]["killed"]]
    for survivor in survivors:
        print(f"\nSURVIVED {survivor['mutant']}\n{survivor['diff']}")
    share = 1 - len(survivors) / len(chosen)
    print(f"{name}: {len(chosen) - len(survivors)} of {len(chosen)} changes noticed ({share:.1%})", flush=True)
    return share >= ENOUGH


def main(name: str, sample: str = "100", seed: str = "1") -> int:
    os.chdir(FOLDER / name / "ansible_collections" / "tidegate" / "nftables")
    os.environ["PYTHONPATH"] = os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(FOLDER / name)
    goes_on = (FOLDER / f"{name}.jsonl").exists()
    for tests in () if goes_on else ROOMS[name].stages:  # without a change every test must pass
        if subprocess.run(command(ROOMS[name].files()[0], tests).split(), check=False).returncode != 0:
            return 2
    return 0 if run(name, int(sample), int(seed)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
