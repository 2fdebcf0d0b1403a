# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nf_tables without nft: the public face of the netlink layer; the parts are in the netlink_* files beside it.

Each function opens its own socket in the current network namespace and closes it. Errors are NetlinkError and its
subclasses in netlink_errors (MissingCapability, NoNfTables, StaleGeneration and so on).
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_change import Change, change_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_elements import CATCH_ALL, Element
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_errors import (
    AlreadyExists,
    BadElement,
    BufferOverrun,
    Busy,
    MalformedMessage,
    MessageTooLong,
    MissingCapability,
    NetlinkError,
    NoNfTables,
    NoSuchObject,
    StaleGeneration,
    UnknownLiteral,
    UnsupportedSet,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_intervals import difference, merge
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_literals import read_all, reader, show
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_query import dump_elements, get_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_ruleset import (
    generation,
    table_handle,
    table_names,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_set import SetInfo, get_set
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_socket import netns_cookie

__all__ = [
    "CATCH_ALL",
    "AlreadyExists",
    "BadElement",
    "BufferOverrun",
    "Busy",
    "Change",
    "Element",
    "MalformedMessage",
    "MessageTooLong",
    "MissingCapability",
    "NetlinkError",
    "NoNfTables",
    "NoSuchObject",
    "SetInfo",
    "StaleGeneration",
    "UnknownLiteral",
    "UnsupportedSet",
    "change_elements",
    "difference",
    "dump_elements",
    "generation",
    "get_elements",
    "get_set",
    "merge",
    "netns_cookie",
    "read_all",
    "reader",
    "show",
    "table_handle",
    "table_names",
]
