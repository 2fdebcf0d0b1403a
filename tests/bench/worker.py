# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of a set of table inet bench by netlink alone: what prepares a measurement, and what no module does.

worker.py load|get|add|delete SET FILE; add and delete print the seconds of the change alone, by the clock and of the
processor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter, process_time


def main() -> None:
    from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets

    operation, name, path = sys.argv[1:4]
    info = sets.get_set("inet", "bench", name)
    elements = sets.read_all(info, Path(path).read_text(encoding="ascii").splitlines())
    if operation == "get":
        if None in sets.get_elements(info, [element.start for element in elements]):
            raise SystemExit("an element is missing")
        return
    change = sets.SetChange(info, delete=elements) if operation == "delete" else sets.SetChange(info, add=elements)
    wall, cpu = perf_counter(), process_time()
    sets.change_elements([change])
    print(perf_counter() - wall, process_time() - cpu)


if __name__ == "__main__":
    main()
