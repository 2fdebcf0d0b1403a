# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv4 addresses inside the IPv6 prefix of a translation (RFC 6052), there and back."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

WELL_KNOWN = addresses.constant("64:ff9b::/96")


def translate(original: AddressSet, prefix: AddressSet) -> AddressSet:
    """Return the set with each of its IPv4 addresses also inside the prefix; the same set when there is no prefix."""
    if not prefix:
        return original
    base = prefix.v6[0][0]
    mapped = tuple((base + start, base + end) for start, end in original.v4)
    return original | AddressSet(v6=mapped)


def fold(translated: AddressSet, prefix: AddressSet) -> AddressSet:
    """Return the set with every translated IPv4 address as that address: a ceiling must see through a translation."""
    folded = translated
    for known_prefix in (WELL_KNOWN, prefix) if prefix else (WELL_KNOWN,):
        base = known_prefix.v6[0][0]
        inside = intervals.intersect(folded.v6, known_prefix.v6)
        back = AddressSet(v4=tuple((start - base, end - base) for start, end in inside))
        folded = (folded - AddressSet(v6=inside)) | back
    return folded
