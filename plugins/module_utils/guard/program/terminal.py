# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print for a person at a terminal: nothing that others wrote controls it, lines fit it, and colour only there."""

from __future__ import annotations

import os
import shutil
import sys

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable_lines

COLORS = {"red": 31, "green": 32, "yellow": 33}
"""The codes of ECMA-48."""


def say(text: str, color: str = "") -> None:
    """Print lines, in a colour of COLORS; at a terminal a line that is too long ends in an ellipsis."""
    shown = printable_lines(text)
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        shown = "\n".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in shown.split("\n"))
        if color and not os.environ.get("NO_COLOR"):
            shown = f"\x1b[{COLORS[color]}m{shown}\x1b[0m"
    sys.stdout.write(f"{shown}\n")
