# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the collection's table in a form that can be compared, "" when there is none: standing.py [FILE].

With FILE, fails unless that holds the same.

Without counters, what packets put into sets, and the window for older connections, which ends by itself. The blocks
come in the order of their texts: nft lists sets in the order of their creation, and a kept set is older than a restored
one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def comparable(listing: str) -> str:
    """Return the output of ``nft -s list table inet tidegate`` without what changes by itself."""
    blocks = []
    for block in listing.split("\n\n"):
        text = re.sub(r"^table inet tidegate \{\n|\n\}\n*$", "", block)
        text = re.sub(r" ?packets \d+ bytes \d+", "", text)  # nft 0.9.8 shows them all the same
        if re.search(r"^\s*flags .*\bdynamic\b|^set older_connections ", text.strip(), re.MULTILINE):
            text = re.sub(r"^\s*elements = \{[^}]*\}\n?", "", text, flags=re.MULTILINE)
        blocks.append(text.strip())
    return "\n".join(sorted(blocks))


if __name__ == "__main__":
    listing = subprocess.run(
        ["nft", "-s", "list", "table", "inet", "tidegate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    table = comparable(listing.stdout)
    print(table)
    for path in sys.argv[1:]:
        sys.exit(Path(path).read_text(encoding="utf-8").strip() != table.strip())
