# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress_never: subtracted from what is open, since most targets only allow; closed first where a target can deny."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_among, is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedNever
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.box_arithmetic import subtract_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.excepted_users import (
    excepted_users,
    users_by_exceptions,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import NARROWER, WIDER, Closing

from .fit import Fit


def without(fit: Fit, entry: ResolvedEntry, box: Box) -> list[Box]:
    """Return what egress_never leaves. Not every target can distinguish the sockets that it excepts."""
    return _without_by_unit(fit, entry, _without_by_user(fit, entry, box))


def _without_by_unit(fit: Fit, entry: ResolvedEntry, boxes: list[Box]) -> list[Box]:
    """Return what elements leave that except units."""
    if fit.can.unit:
        return boxes
    if entry.by_socket:
        # Whom an entry for some sockets is for is decided later, for all of its openings together.
        return _left_to_somebody(entry, boxes, fit.resolved.never)
    excepting = [never for never in fit.resolved.never if never.except_units]
    rest = subtract_boxes(boxes, excepting)
    differing = subtract_boxes(boxes, rest)
    if not differing:
        return boxes
    whom = tuple(dict.fromkeys(str(never.excepted) for never in excepting))
    why = f"{fit.target} cannot distinguish {', '.join(whom)}, which egress_never excepts, from others"
    direction = fit.direction(entry, why)
    fit.differ(entry, direction, why, differing, users=whom if direction == NARROWER else None)
    return boxes if direction == WIDER else rest


def _left_to_somebody(entry: ResolvedEntry, boxes: list[Box], nevers: Sequence[ResolvedNever]) -> list[Box]:
    """Return what elements leave to any socket of an entry: those that they except may be none of its sockets."""
    named = {unit for never in nevers for unit in never.except_units}.union(entry.units or ())
    users = entry.users or ("", *(user for never in nevers for user in never.except_users))
    places = {place for unit in entry.units or ("",) for place in units.places(unit, named)}
    left = [
        part
        for user, place in product(sorted({*users}), sorted(places))
        for part in subtract_boxes(boxes, (never for never in nevers if not _is_excepted(never, user, place)))
    ]
    return subtract_boxes(boxes, subtract_boxes(boxes, left))


def _is_excepted(never: ResolvedNever, user: str, place: Cgroup) -> bool:
    return never.excepts and is_among(user, place, never.except_users or None, never.except_units or None)


def _without_by_user(fit: Fit, entry: ResolvedEntry, box: Box) -> list[Box]:
    """Return what elements leave that except users or nobody."""
    nevers = [never for never in fit.resolved.never if not never.except_units]
    excepting = [never for never in nevers if excepted_users(entry, never)]
    rest = subtract_boxes([box], (never for never in nevers if never not in excepting))
    for_others = subtract_boxes(rest, excepting)
    # Two elements may leave each other's users nothing, so the users of all elements are considered together.
    for_users = {
        users: subtract_boxes(rest, (never for never in excepting if not is_one_of(users[0], never.except_users)))
        for users in users_by_exceptions(entry, excepting)
    }
    for_nobody = subtract_boxes(rest, [*for_others, *(part for parts in for_users.values() for part in parts)])
    for_somebody = subtract_boxes(rest, for_nobody)
    if fit.can.user or entry.users is not None:
        return for_somebody
    direction: Approximation = WIDER
    for users, parts in for_users.items():
        differing = subtract_boxes(parts, for_others)
        if differing:
            why = f"{fit.target} cannot distinguish {', '.join(users)}, whom egress_never excepts, from other users"
            direction = fit.direction(entry, why)
            fit.differ(entry, direction, why, differing, users=users if direction == NARROWER else None)
    return for_somebody if direction == WIDER else for_others


def closed_in(fit: Fit, more: Box) -> AddressSet:
    """Return the addresses that egress_never closes in a box that an approximation would open."""
    return addresses.union(
        never.addresses & more.addresses for never in fit.resolved.never if never.services & more.services
    )


def closings(fit: Fit) -> tuple[Closing, ...]:
    """Return egress_never for targets with openings by name: nobody knows their addresses to subtract from."""
    if not fit.can.deny:
        return ()
    for whom in {str(never.excepted) for never in fit.resolved.never if never.excepts}:
        fit.notices.append(f"destinations of names that egress_never closes are closed to {whom}, too")
    return tuple(
        Closing(addresses=fit.of_families(never.addresses), services=never.services) for never in fit.resolved.never
    )
