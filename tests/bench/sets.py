# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of large sets: our modules beside plain nft and beside writing the whole file and loading it.

    python tests/bench/sets.py --sizes 1000,10000,100000 --kinds interval,hash --families 4,6 --nft 1.0.6,1.1.3

Needs root; everything happens in a network namespace that ends with this process. A million elements
(--sizes 1000000) take minutes in nft, so what takes longer than --limit seconds is stopped and shown as such.
What is measured, for each operation in a fresh process: wall time, processor time with the kernel's share, and the most
memory the process held; of changes also the change itself, one netlink batch in a process that runs already. Ours is
the module nft_set with elements_file, as Ansible sends it and from the start of Python to its end; to compare, a module
that does nothing is measured, too. "compare" is a run after another program committed, "get" is netlink alone.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter

from ansible_collections.tidegate.nftables.tests.bench import payload
from ansible_collections.tidegate.nftables.tests.bench.costs import (
    WORKER,
    Cost,
    Row,
    least,
    measured,
    ratios,
    short,
    table,
)

CHECKOUT = Path(__file__).resolve().parents[2]
CLONE_NEWNET = 0x40000000
FEW = 100
# What takes longer, in seconds, is done once.
SLOW = 6.0
# Elements below which two attempts are enough.
SMALL = 50_000
OPERATIONS = ("load", "unchanged", "compare", "add", "delete", "get", "replace")
# Writing the file anew always loads the whole of it, and answers no question.
RELOADS = ("load", "unchanged", "add", "delete", "replace")

TYPES = {
    ("interval", 4): "type ipv4_addr; flags interval;",
    ("interval", 6): "type ipv6_addr; flags interval;",
    ("hash", 4): "type ipv4_addr;",
    ("hash", 6): "type ipv6_addr;",
}
SUFFIXES = {"interval": {4: "/28", 6: "/64"}, "hash": {4: "", 6: ""}}


def element(kind: str, family: int, number: int, shift: int) -> str:
    """Every second network of /28 or /64; a shift gives another whole content."""
    place = 2 * number + shift
    if family == 4:
        value = 0x01000000 + place * 16
        base = f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
    else:
        base = f"2001:db8:{place >> 16:x}:{place & 0xFFFF:x}::"
    return base + SUFFIXES[kind][family]


class Bench:
    """One kind, family and size: its files and its set in table inet bench."""

    def __init__(self, kind: str, family: int, size: int, folder: Path, limit: float) -> None:
        self.kind, self.family, self.size, self.folder, self.limit = kind, family, size, folder, limit
        # the few lie evenly between the many, in no order: as changes of real lists do
        self.few = [(number * 7919) % size for number in range(FEW)]
        few = set(self.few)
        self._write("many", (number for number in range(size) if number not in few), 0)
        self._write("few", self.few, 0)
        self._write("all", range(size), 0)
        self._write("other", range(size), 1)
        declared = [part.strip() for part in TYPES[kind, family].split(";")]
        arguments = {"table": "bench", "name": "s", "type": declared[0].partition(" ")[2]}
        arguments["elements_file"] = str(self.path("list"))
        if "flags interval" in declared:
            arguments["flags"] = ["interval"]  # type: ignore[assignment]
        self.module = payload.write(folder / "nft_set.py", "tidegate.nftables.nft_set", arguments)
        self.nothing = payload.write(folder / "ping.py", payload.NOTHING, {"data": "pong"})

    def _write(self, name: str, numbers: Iterator[int] | Sequence[int], shift: int) -> None:
        with self.path(name).open("w", encoding="ascii") as file:
            for number in numbers:
                file.write(element(self.kind, self.family, number, shift) + "\n")

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def text(self, name: str, before: str, after: str) -> Path:
        """A file for nft with the elements of a list."""
        path = self.folder / f"{name}.nft"
        with path.open("w", encoding="ascii") as file, self.path(name).open(encoding="ascii") as lines:
            file.write(before)
            for line in lines:
                file.write(line.rstrip("\n") + ",\n")
            file.write(after)
        return path

    def declare(self, version: str, *, bare: bool = False) -> None:
        """An empty set; bare: not even that. Releases before 1.1 crash on what 1.1.3 made: the newest takes it away."""
        subprocess.run([str(nft_path("1.1.3")), "add table inet bench; delete table inet bench"], check=True)
        shutil.rmtree(self.folder / "run", ignore_errors=True)
        body = "" if bare else f" set s {{ {TYPES[self.kind, self.family]} }}\n"
        body = f"table inet bench {{\n{body}}}\n"
        subprocess.run([str(nft_path(version)), "-f", "-"], input=body, text=True, check=True)

    def ours(self, operation: str, version: str) -> Cost:
        if operation == "get":
            return run_worker("get", "s", self.path("few"), limit=self.limit)
        name = {"replace": "other", "delete": "many"}.get(operation, "all")
        shutil.copyfile(self.path(name), self.path("list"))
        return self.run_module(version)

    def run_module(self, version: str) -> Cost:
        folders = f"{nft_path(version).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": folders, "TIDEGATE_RUN_DIR": str(self.folder / "run")}
        return measured([sys.executable, str(self.module)], max(self.limit, 600), environment)

    def plain(self, operation: str, version: str) -> Cost:
        nft = str(nft_path(version))
        if operation in ("unchanged", "compare"):
            return measured([nft, "-j", "list", "set", "inet", "bench", "s"], self.limit)
        if operation == "get":
            keys = ", ".join(self.path("few").read_text(encoding="ascii").split("\n")[:-1])
            return measured([nft, "get", "element", "inet", "bench", "s", f"{{ {keys} }}"], self.limit)
        if operation == "replace":
            path = self.text("other", "flush set inet bench s\nadd element inet bench s {\n", "}\n")
        else:
            verb = "delete" if operation == "delete" else "add"
            path = self.text("all" if operation == "load" else "few", f"{verb} element inet bench s {{\n", "}\n")
        return measured([nft, "-f", str(path)], self.limit)

    def reload(self, operation: str, version: str) -> Cost:
        """What a template task and its handler do: the whole table's file is written and loaded in one transaction."""
        name = {"delete": "many", "replace": "other"}.get(operation, "all")
        start = perf_counter()
        path = self.text(
            name,
            "table inet bench\ndelete table inet bench\n"
            f"table inet bench {{\n set s {{ {TYPES[self.kind, self.family]} elements = {{\n",
            "}\n}\n}\n",
        )
        written = perf_counter() - start
        cost = measured([str(nft_path(version)), "-f", str(path)], self.limit)
        return replace(cost, wall=cost.wall + written, cpu=cost.cpu + written)

    def prepare(self, operation: str, version: str, *, ours: bool) -> None:
        """Make the state that an operation begins with, in the fastest way and unmeasured."""
        by_module = ours and operation != "get"
        self.declare(version, bare=by_module)
        if operation == "load":
            return
        name = "many" if operation == "add" else "all"
        if not by_module:
            run_worker("load", "s", self.path(name))
            return
        shutil.copyfile(self.path(name), self.path("list"))
        self.run_module(version)
        if operation == "compare":
            subprocess.run([str(nft_path("1.1.3")), "add table ip other; delete table ip other"], check=True)

    def batch(self, operation: str) -> Cost:
        """The change itself: what the netlink batch takes, without the start of a process."""
        command = [sys.executable, str(WORKER), operation, "s", str(self.path("few"))]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        wall, cpu = map(float, output.split())
        return Cost(wall, cpu, 0.0)

    def row(self, operation: str, versions: Sequence[str], repeat: int) -> Row:
        methods: dict[str, Callable[[], Cost]] = {"ours": lambda: self.ours(operation, versions[0])}
        if operation == "unchanged":
            methods["nothing"] = lambda: measured([sys.executable, str(self.nothing)], self.limit)
        if operation in ("add", "delete"):
            methods["batch"] = lambda: self.batch(operation)
        for version in versions:
            methods[f"nft {version}"] = lambda version=version: self.plain(operation, version)  # type: ignore[misc]
            if operation in RELOADS:
                methods[f"reload {version}"] = lambda version=version: self.reload(operation, version)  # type: ignore[misc]
        tries: dict[str, list[Cost]] = {name: [] for name in methods}
        for _attempt in range(min(repeat, 2) if self.size < SMALL else repeat):
            # in turns, so that other work on the machine meets all of them
            for name, method in methods.items():
                if tries[name] and tries[name][-1].wall > SLOW:
                    continue
                if name != "nothing":
                    self.prepare(operation, name.split()[-1] if " " in name else versions[0], ours=name == "ours")
                tries[name].append(method())
        costs = {name: least(attempts) for name, attempts in tries.items()}
        return Row(self.kind, self.family, self.size, operation, costs)


def nft_path(version: str) -> Path:
    path = CHECKOUT / "build" / "nft" / version / "nft"
    if not path.exists():
        raise SystemExit(f"no nft {version}: run `make nft`")
    return path


def run_worker(operation: str, name: str, path: Path, *more: str, limit: float = 3600.0) -> Cost:
    return measured([sys.executable, str(WORKER), operation, name, str(path), *more], limit)


def enter_own_namespace() -> None:
    """Leave the machine's network namespace for one that ends with this process."""
    own = Path("/proc/self/ns/net")
    before = own.stat().st_ino
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0 or own.stat().st_ino == before:
        raise SystemExit("no network namespace of our own: run this as root")


def measure(
    sizes: Sequence[int],
    kinds: Sequence[str],
    families: Sequence[int],
    versions: Sequence[str],
    operations: Sequence[str] = OPERATIONS,
    *,
    limit: float = 60.0,
    repeat: int = 3,
    progress: Callable[[Row], None] = lambda _row: None,
) -> list[Row]:
    """Rows in the order of the arguments; call it in a namespace of its own."""
    rows = []
    for kind in kinds:
        for family in families:
            for size in sizes:
                with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
                    bench = Bench(kind, family, size, Path(folder), limit)
                    for operation in operations:
                        # no tool can list a million intervals in a reasonable time: the kernel's dump is quadratic
                        if operation == "compare" and size > 200_000:
                            continue
                        rows.append(bench.row(operation, versions, repeat))
                        progress(rows[-1])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of elements (%(default)s)")
    parser.add_argument("--kinds", default="interval,hash", help="(%(default)s)")
    parser.add_argument("--families", default="4,6", help="(%(default)s)")
    parser.add_argument("--nft", default="1.0.6,1.1.3", help="releases to compare with (%(default)s)")
    parser.add_argument("--operations", default=",".join(OPERATIONS), help="(%(default)s)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds until one is stopped (%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="attempts, of which the fastest counts (%(default)s)")
    parser.add_argument("--json", type=Path, help="a file for the rows as JSON")
    options = parser.parse_args(arguments)
    versions = options.nft.split(",")
    enter_own_namespace()
    rows = measure(
        [int(size) for size in options.sizes.split(",")],
        options.kinds.split(","),
        [int(family) for family in options.families.split(",")],
        versions,
        options.operations.split(","),
        limit=options.limit,
        repeat=options.repeat,
        progress=lambda row: print(f"{row.kind} v{row.family} {row.size} {row.operation}", file=sys.stderr, flush=True),
    )
    print(f"Linux {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    idle = [row.costs["nothing"] for row in rows if "nothing" in row.costs]
    if idle:
        cost = least(idle)
        print(f"a module that does nothing: {cost.wall * 1000:.0f} ms, {cost.cpu * 1000:.0f} of the processor")
    print(f"\nms wall / ms processor / MB (times our processor time):\n\n{table(rows, versions)}")
    print(f"ms of processor time, ours / nft {' / nft '.join(versions)}:\n\n{short(rows, versions)}")
    if any("batch" in row.costs for row in rows):
        print(f"changes of {FEW}, times quicker by processor time:\n\n{ratios(rows, versions)}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="ascii")


if __name__ == "__main__":
    main()
