# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generation, network namespace, tables and their rules without nft: public names of this room.

Elements of sets are in sets.py. Each function opens its own socket in the current network namespace and closes it.
Errors are NetlinkError and its subclasses in errors.py (MissingCapability, NoNfTables, StaleGeneration and so on).
"""

from __future__ import annotations

from .connection import netns_cookie
from .errors import NetlinkError
from .ruleset import (
    Rule,
    delete_table,
    generation,
    settled_generation,
    table_counters,
    table_handle,
    table_names,
    table_rules,
)

__all__ = [
    "NetlinkError",
    "Rule",
    "delete_table",
    "generation",
    "netns_cookie",
    "settled_generation",
    "table_counters",
    "table_handle",
    "table_names",
    "table_rules",
]
