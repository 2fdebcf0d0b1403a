# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation of ours in a process of its own: what a module would do between its start and its answer.

worker.py OPERATION SET FILE... reads elements from files, one a line, and prints a JSON object: wall and cpu, seconds
without the start of Python, which every module has, but with the imports, which only those have that change elements.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path

BEGUN, BEGUN_CPU = time.perf_counter(), time.process_time()


def lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="ascii").splitlines()


def unchanged(path: str, generation: int) -> None:
    """What an unchanged run costs: the sum of the file, and the generation, both as they were."""
    from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink

    hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if netlink.generation() != generation:
        raise SystemExit("somebody committed meanwhile")


def work(operation: str, name: str, path: str) -> None:
    from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets

    info = sets.get_set("inet", "bench", name)
    elements = sets.read_all(info, lines(path))
    if operation in ("load", "add"):
        sets.change_elements([sets.Change(info, add=elements)])
    elif operation == "delete":
        sets.change_elements([sets.Change(info, delete=elements)])
    elif operation == "replace":
        sets.change_elements([sets.Change(info, add=elements, flush=True)])
    elif operation == "get":
        if None in sets.get_elements(info, [one.start for one in elements]):
            raise SystemExit("an element is not there")
    elif operation == "compare" and sets.difference(info, sets.dump_elements(info), elements) != ([], []):
        raise SystemExit("the set is not what it should be")


def main() -> None:
    operation, name, path = sys.argv[1:4]
    if operation == "unchanged":
        unchanged(path, int(sys.argv[4]))
    else:
        work(operation, name, path)
    print(json.dumps({"wall": time.perf_counter() - BEGUN, "cpu": time.process_time() - BEGUN_CPU}))


if __name__ == "__main__":
    main()
