# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of addresses times a set of services: what one entry allows, and how one is taken out of another."""

from __future__ import annotations

from dataclasses import dataclass

from .addresses import AddressSet
from .services import ServiceSet


@dataclass(frozen=True)
class Box:
    """Every combination of these addresses and these services."""

    addresses: AddressSet
    services: ServiceSet

    def __bool__(self) -> bool:
        return bool(self.addresses) and bool(self.services)


def minus(box: Box, other: Box) -> list[Box]:
    """Return the box without another, as disjoint boxes: the addresses outside it, and inside it the other services."""
    common = Box(box.addresses & other.addresses, box.services & other.services)
    if not common:
        return [box]
    pieces = (
        Box(box.addresses - other.addresses, box.services),
        Box(common.addresses, box.services - other.services),
    )
    return [piece for piece in pieces if piece]
