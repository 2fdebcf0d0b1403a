# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets of addresses and networks without nft: the public names of this room.

Import it only where elements are read or changed: Ansible has Python compile every module on each run, which takes
about 50 ms for this one and 6 ms for tables.py.
"""

from __future__ import annotations

from .declaration import SetInfo, get_recipe, get_set, require_supported
from .difference import difference, merge
from .element_changes import SetChange, change_elements, holds
from .elements import CATCH_ALL, Element
from .errors import (
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
from .plain_elements import PlainElements, read_plain
from .read_elements import dump_elements, get_elements
from .text import element_text, read_all, reader, show

__all__ = [
    "CATCH_ALL",
    "AlreadyExists",
    "BadElement",
    "BufferOverrun",
    "Busy",
    "Element",
    "MalformedMessage",
    "MessageTooLong",
    "MissingCapability",
    "NetlinkError",
    "NoNfTables",
    "NoSuchObject",
    "PlainElements",
    "SetChange",
    "SetInfo",
    "StaleGeneration",
    "UnknownLiteral",
    "UnsupportedSet",
    "change_elements",
    "difference",
    "dump_elements",
    "element_text",
    "get_elements",
    "get_recipe",
    "get_set",
    "holds",
    "merge",
    "read_all",
    "read_plain",
    "reader",
    "require_supported",
    "show",
]
