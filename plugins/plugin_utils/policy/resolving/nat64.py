# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv4 destinations of hosts that only have IPv6: the network translates a /96 of IPv6 into all of IPv4 (RFC 6052)."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

WELL_KNOWN = addresses.parse("64:ff9b::/96")


def translate(found: AddressSet, prefix: AddressSet) -> AddressSet:
    """The set, and each of its IPv4 addresses inside the prefix; the same set when there is no prefix."""
    if not prefix:
        return found
    base = prefix.v6[0][0]
    mapped = tuple((base + start, base + end) for start, end in found.v4)
    return found | AddressSet(v6=mapped)


def fold(found: AddressSet, prefix: AddressSet) -> AddressSet:
    """The set with every translated IPv4 address as that address: a ceiling must see through a translation."""
    for one in (WELL_KNOWN, prefix) if prefix else (WELL_KNOWN,):
        base = one.v6[0][0]
        inside = intervals.intersect(found.v6, one.v6)
        back = AddressSet(v4=tuple((start - base, end - base) for start, end in inside))
        found = (found - AddressSet(v6=inside)) | back
    return found
