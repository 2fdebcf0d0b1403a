# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit of the policy runs at its start and end, where systemd does not fill sets itself (host/unit_files.py)."""

from __future__ import annotations

import sys

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import of_program
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups
from ansible_collections.tidegate.nftables.plugins.module_utils.units.fill import change_one

ENDING = "--ending"


def main() -> int:
    """Add this process's own unit to its sets, with ENDING remove it. Exit status: 0, 1 for a reported failure."""
    # Without the lock: a run that holds it may wait for the start of a unit.
    try:
        own = cgroups.of_process()
        if own is not None:
            change_one(unit_sets.read(of_program(sys.argv[0])), own, ending=ENDING in sys.argv)
    except (OSError, TidegateError) as error:
        sys.stderr.write(f"tidegate: {error}\n")
        return 1
    return 0
