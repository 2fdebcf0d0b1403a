# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of sets without nft: the public face of what the files beside this one do.

Import it where elements are really read or changed: Ansible compiles every module anew on each run, and this takes
about 50 ms of it, while tables.py alone takes 6.
"""

from __future__ import annotations

from .change import Change, change_elements, holds
from .declaration import Layout, SetInfo, get_recipe, get_set
from .difference import difference, merge
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
from .literals import read_all, reader, show
from .many import Many, read_many
from .query import dump_elements, get_elements
from .text import element_text, transaction_text

__all__ = [
    "CATCH_ALL",
    "AlreadyExists",
    "BadElement",
    "BufferOverrun",
    "Busy",
    "Change",
    "Element",
    "Layout",
    "MalformedMessage",
    "Many",
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
    "get_recipe",
    "get_set",
    "holds",
    "merge",
    "read_all",
    "read_many",
    "reader",
    "show",
    "transaction_text",
]
