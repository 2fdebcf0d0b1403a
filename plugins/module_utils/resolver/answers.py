# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses of an answer go into which sets, or why the whole answer is refused."""

from __future__ import annotations

import socket
from typing import Iterable

from .directory import Meaning
from .document import FedSet, Networks
from .shares import Share, share_of


class Refused(Exception):
    """An answer that carries an address which its name must not lead to."""


def writes(meaning: Meaning, keys: Iterable[bytes], refuse: Networks) -> dict[Share, list[bytes]]:
    """Return the addresses, in network byte order, by share. Raise Refused when one of them may not be in the answer.

    Not only that address: whoever put it there may have put the others there too.
    """
    by_share: dict[Share, list[bytes]] = {}
    for key in dict.fromkeys(keys):
        takers = [(fed, pattern) for fed, pattern in meaning.sets if _takes(fed, key, refuse)]
        if not takers and not any(key in inside for inside in meaning.inside):
            raise Refused(f"{show(key)} is no address that it may lead to")
        for fed, pattern in takers:
            by_share.setdefault(share_of(fed, pattern, key), []).append(key)
    return by_share


def _takes(fed: FedSet, key: bytes, refuse: Networks) -> bool:
    return key in fed.within if fed.within is not None else key not in refuse


def show(key: bytes) -> str:
    """Return an address for people."""
    return socket.inet_ntop(socket.AF_INET if len(key) == 4 else socket.AF_INET6, key)
