# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets without nft: the public face of what the netlink_* files beside this one do.

Import it where elements are really read or changed: Ansible compiles every module anew on each run, and this takes
about 50 ms of it, while netlink alone takes 6.
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
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_set import SetInfo, get_set
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_text import element_text, transaction_text

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
    "element_text",
    "get_elements",
    "get_set",
    "merge",
    "read_all",
    "reader",
    "show",
    "transaction_text",
]
