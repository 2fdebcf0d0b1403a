# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of an entry's set each of its names may use.

Whoever runs the zone of a name decides how many addresses it has. The names of other owners in the same entry must find
room all the same.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Callable, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import Pattern
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import NAMES_SIZE

from .document import FedSet

_LEAST = 4096
"""Addresses that each name may have in an entry of very many: a wildcard of a large platform has hundreds."""


class Share(NamedTuple):
    """What one name of the policy has of one set. most: addresses at a time."""

    set: str
    name: str
    most: int


class NoRoom(Exception):
    """A name that has used up its share."""


def share_of(fed: FedSet, pattern: Pattern, key: bytes) -> Share:
    """Return the share that an address of a name counts for; an only name has the whole set."""
    return Share(fed.of(key), str(pattern), max(NAMES_SIZE // len(fed.names), _LEAST))


class Shares:
    """When the addresses of each share end, as far as answers say: nobody lists a set while a client waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[tuple[str, str], OrderedDict[bytes, float]] = {}

    def need_room(self, writes: Mapping[Share, list[bytes]]) -> None:
        """Raise NoRoom where addresses are more than a share has left."""
        now = self._clock()
        for share, keys in writes.items():
            ends = self._ends.get(share[:2], OrderedDict())
            while ends and next(iter(ends.values())) <= now:
                ends.popitem(last=False)
            if len(ends) + sum(key not in ends for key in keys) > share.most:
                raise NoRoom(
                    f"{share.name} has all of its share of the entry's addresses ({share.most}) until some time out"
                )

    def use(self, writes: Mapping[Share, list[bytes]], seconds: float) -> None:
        """Note addresses that were written, and for how long."""
        end = self._clock() + seconds
        for share, keys in writes.items():
            ends = self._ends.setdefault(share[:2], OrderedDict())
            for key in keys:
                ends[key] = end
                ends.move_to_end(key)
