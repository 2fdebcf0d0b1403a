# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of boxes of addresses and services, and whom egress_never tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.policy_tests import Box, minus
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet


def beyond(boxes: Iterable[Box], others: Iterable[Box | Grant | ResolvedNever]) -> list[Box]:
    """What of the boxes is in none of the others."""
    rest = list(boxes)
    for other in others:
        rest = [piece for box in rest for piece in minus(box, Box(other.addresses, other.services))]
    return rest


def alike(entry: ResolvedEntry, mixed: Sequence[ResolvedNever]) -> list[tuple[str, ...]]:
    """The users whom some of these do not concern, those together whom the same ones do not."""
    found: dict[tuple[bool, ...], list[str]] = {}
    for user in sorted({user for never in mixed for user in excepted(entry, never)}):
        found.setdefault(tuple(is_one_of(user, never.except_users) for never in mixed), []).append(user)
    return [tuple(users) for users in found.values()]


def excepted(entry: ResolvedEntry, never: ResolvedNever) -> tuple[str, ...]:
    """Whom of those that the entry is for a never does not concern."""
    if entry.users is None:
        return never.except_users
    return tuple(user for user in entry.users if is_one_of(user, never.except_users))


def carried(wanted: ServiceSet, found: AddressSet) -> ServiceSet:
    """The services without ICMP of a family that has no addresses here."""
    if not found.v4:
        wanted -= services.of_protocol(services.ICMP)
    return wanted if found.v6 else wanted - services.of_protocol(services.ICMPV6)


def whole(wanted: ServiceSet) -> ServiceSet:
    """All of each protocol of which something is wanted."""
    found = services.NONE
    for number in wanted.protocols():
        found |= services.of_protocol(number)
    return found
