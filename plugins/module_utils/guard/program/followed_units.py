# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the files beside units those of the live table, after a way back. The caller holds the lock."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import systemd_units, unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets


def settle(paths: Paths, interpreter: str) -> None:
    """Have systemd follow the units of the live table and no others. interpreter: that runs the program."""
    different = unit_files.changes(paths, unit_sets.live(paths), interpreter)
    unit_files.write(different)
    if different:
        systemd_units.systemctl("daemon-reload")
    unit_sets.follow(paths)
