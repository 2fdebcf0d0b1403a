# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory are the proxies of another one."""

from __future__ import annotations

from collections.abc import Collection

from .vocabulary import hosts_by_address
from .world import InventoryWorld


def of_addresses(world: InventoryWorld, proxies: Collection[str]) -> dict[str, str]:
    """Return the host of each address, "" for an address that no host has. proxies: addresses in their one form."""
    owners = hosts_by_address(world)
    return {address: owners.get(address, "") for address in proxies}
