# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make elements of sets that packets fill, of any key, before a packet comes that would add them."""

from __future__ import annotations

from typing import Iterable

from . import elements, wire
from .batch import SetMessage, commit
from .connection import Connection
from .declaration import read_set
from .ruleset import read_settled_generation


def make_elements(family: str, table: str, keys: Iterable[tuple[str, bytes]], seconds: float) -> None:
    """Add elements, (set, key) each, that end after some seconds unless packets come: then as the set's timeout says.

    One transaction; raise AlreadyExists, StaleGeneration or, with ENFILE, NetlinkError for a set that is full.
    """
    lasting = wire.attribute(elements.EXPIRATION, int(seconds * 1000).to_bytes(8, "big"))
    with Connection() as kernel:
        generation = read_settled_generation(kernel)
        by_set: dict[str, list[bytes]] = {}
        for name, key in keys:
            by_set.setdefault(name, []).append(elements.element_attribute(key, extras=lasting))
        messages = [
            SetMessage(
                read_set(kernel, family, table, name),
                wire.NFT_MSG_NEWSETELEM,
                wire.NLM_F_CREATE | wire.NLM_F_EXCL,
                part,
            )
            for name, encoded in by_set.items()
            for part in elements.list_attributes(encoded)
        ]
        commit(kernel, generation, messages)
