# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The handles of everything in a table."""

from __future__ import annotations

from typing import Tuple

from . import wire
from .connection import Connection
from .snapshot import CHAIN, FLOWTABLE, NAME, OBJECT, OWNER, RULE, SET

Place = Tuple[int, str, int]
"""Kind, name, and among rules of a chain or objects of a name the place."""

_HANDLES = {CHAIN: 2, RULE: 3, SET: 16, OBJECT: 6, FLOWTABLE: 5}


def table_handles(family: str, name: str) -> dict[Place, int]:
    """Return the handle of each chain, rule, set, object and flowtable of a table."""
    owner, number = wire.string_attribute(OWNER, name), wire.family_number(family)
    handles: dict[Place, int] = {}
    counted: dict[tuple[int, str], int] = {}
    with Connection() as kernel:
        for kind, handle in _HANDLES.items():
            for answer in kernel.dump(f"reading the handles of table {family} {name}", kind + 1, number, owner):
                _family, attributes = wire.nft_payload(answer, kind)
                # Of some kinds, the kernel reports those of every table.
                if wire.text(attributes, OWNER) != name:
                    continue
                label = (kind, wire.text(attributes, NAME[kind]))
                at = counted[label] = counted.get(label, -1) + 1
                handles[(*label, at)] = wire.number(attributes, handle, 8)
    return handles
