# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic with boxes: each box is all combinations of some addresses and some services."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Grant, ResolvedNever
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box, minus
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet


def subtract_boxes(boxes: Iterable[Box], others: Iterable[Box | Grant | ResolvedNever]) -> list[Box]:
    """Return the parts of the boxes that are in none of the others."""
    rest = list(boxes)
    for other in others:
        rest = [part for box in rest for part in minus(box, Box(other.addresses, other.services))]
    return rest


def carried_services(requested: ServiceSet, destinations: AddressSet) -> ServiceSet:
    """Return the services without ICMP for IPv4 or ICMPv6 where the destinations have no such address."""
    if not destinations.v4:
        requested -= services.of_protocol(services.ICMP)
    return requested if destinations.v6 else requested - services.of_protocol(services.ICMPV6)


def whole_protocols(requested: ServiceSet) -> ServiceSet:
    """Return all services of every protocol of which some are requested."""
    whole = services.NONE
    for number in requested.protocols():
        whole |= services.of_protocol(number)
    return whole
