# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables an older nft cannot list: those with a set or map whose keys or data a newer one declared by their type.

nft keeps what a set was declared by in its user data, which the kernel does not read. nft 1.1.2 and later store a
`type` as the expression of a value, nft 1.0 and later the verdicts of `vmap { … }` as that of a verdict. A version that
cannot read such an expression back ends by a segmentation fault on every listing.
"""

from __future__ import annotations

import sys
from typing import Collection

from . import wire
from .connection import Connection

_TABLE, _USERDATA = 1, 13
_KEY, _DATA = 3, 4
"""Items of a set's user data about its keys and its data (NFTNL_UDATA_SET_KEY_TYPEOF, NFTNL_UDATA_SET_DATA_TYPEOF)."""
_KIND = 0
VERDICT, VALUE = 1, 4
"""Kinds of expressions, as nft numbers them."""


def tables(kinds: Collection[int]) -> list[tuple[str, str]]:
    """Return (family, name) of the tables with a set or map that was declared by such an expression, each once."""
    with Connection() as kernel:
        answers = kernel.dump("reading the sets of all tables", wire.NFT_MSG_GETSET, 0, b"")
    of_kinds = []
    for answer in answers:
        family, attributes = wire.nft_payload(answer, wire.NFT_MSG_NEWSET)
        if not _kinds(attributes.get(_USERDATA, b"")).isdisjoint(kinds):
            of_kinds.append((wire.family_name(family), wire.text(attributes, _TABLE)))
    return list(dict.fromkeys(of_kinds))


def _kinds(userdata: bytes) -> set[int]:
    """Return the kinds of the expressions in the user data of a set."""
    items = wire.parse_userdata(userdata)
    kinds = (wire.parse_userdata(items.get(item, b"")).get(_KIND, b"") for item in (_KEY, _DATA))
    return {int.from_bytes(kind, sys.byteorder) for kind in kinds}
