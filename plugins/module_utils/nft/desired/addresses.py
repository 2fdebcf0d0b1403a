# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks and ranges as pairs of integers."""

from __future__ import annotations

import socket

_FAMILIES = {4: (socket.AF_INET, 32), 6: (socket.AF_INET6, 128)}


def parse(text: str, version: int) -> tuple[int, int] | None:
    """Return (first, last) of an address, a network or a range, None when it is none.

    Host bits are ignored, as nft does. A reversed range comes back reversed.
    """
    family, bits = _FAMILIES[version]
    start, dash, end = text.partition("-")
    if dash:
        first, last = _address(start.strip(), family), _address(end.strip(), family)
        return None if first is None or last is None else (first, last)
    address, slash, length = text.partition("/")
    first = _address(address, family)
    if first is None or not slash:
        return None if first is None else (first, first)
    if not (length.isascii() and length.isdigit()) or int(length) > bits:
        return None
    hosts = (1 << (bits - int(length))) - 1
    return first & ~hosts, first | hosts


def _address(text: str, family: int) -> int | None:
    try:
        return int.from_bytes(socket.inet_pton(family, text), "big")
    except (OSError, ValueError):
        return None
