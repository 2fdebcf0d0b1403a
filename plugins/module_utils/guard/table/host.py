# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host: the paths of its files and its live table."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from .live_table import LiveTable


@dataclass(frozen=True)
class Host:
    """What every change works on. paths: of the files; table: the live one."""

    paths: Paths
    table: LiveTable
