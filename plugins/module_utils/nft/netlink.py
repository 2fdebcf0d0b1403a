# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nf_tables without nft: generation, namespace and tables. Elements of sets are in netlink_sets.

Each function opens its own socket in the current network namespace and closes it. Errors are NetlinkError and its
subclasses in netlink_errors (MissingCapability, NoNfTables, StaleGeneration and so on).
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_errors import NetlinkError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_ruleset import (
    generation,
    settled_generation,
    table_counters,
    table_handle,
    table_names,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_socket import netns_cookie

__all__ = [
    "NetlinkError",
    "generation",
    "netns_cookie",
    "settled_generation",
    "table_counters",
    "table_handle",
    "table_names",
]
