# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no error but should be said: entries about to close, overdue reviews, entries that add nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    Grant,
    ResolvedEntry,
    ResolvedNever,
    ResolvedPolicy,
)

from .policy_tests import Box, minus

WARN_DAYS = 14
Placed = Sequence[tuple[Place, ResolvedEntry]]


def advise(report: ErrorReport, resolved: ResolvedPolicy, entries: Placed, today: dt.date) -> None:
    """Add a notice for each thing. entries: those of the policy with their places."""
    if not resolved.internal:
        place = variable("egress_internal_networks")
        report.notice("no_internal_networks", place, "is not set: the word internal stands for nothing on this host")
    for address in (resolved.internal & words.table("cloud_metadata")).cidrs()[:1]:
        place = variable("egress_internal_networks")
        report.notice("metadata_inside", place, f"contains the metadata service {address}; egress_never closes it")
    for place, entry in entries:
        _dates(report, place, entry, today)
        for name in entry.shared:
            text = f"anybody can be a customer of what prefix_list:{name} names, so data can leave to strangers there"
            report.notice("shared", place, text)
        if any(_covered(entry, [never]) for never in resolved.never if not never.except_users):
            report.notice("closed_by_never", place, "opens nothing: egress_never covers it")
        elif entry.kind not in ("tier", "floor"):
            _redundant(report, place, entry, [other for _place, other in entries])


def _dates(report: ErrorReport, place: Place, entry: ResolvedEntry, today: dt.date) -> None:
    if entry.expires is not None and entry.expires - today <= dt.timedelta(days=WARN_DAYS):
        report.notice("expires", place, f"closes at the end of {entry.expires.isoformat()} (UTC)")
    if entry.review_by is not None and entry.review_by < today:
        report.notice("review_due", place, f"was to be reviewed by {entry.review_by.isoformat()}")


def _redundant(report: ErrorReport, place: Place, entry: ResolvedEntry, others: Sequence[ResolvedEntry]) -> None:
    """Said when one other entry, which holds as long and for as many, opens all of it already."""
    for other in others:
        if entry.kind == "base" and other.kind == "tier":
            continue  # The base is for every tier, and some of them open more by themselves.
        if other is entry or not _holds_for(other, entry) or not _covered(entry, other.grants):
            continue
        if _holds_for(entry, other) and _covered(other, entry.grants) and entry.name < other.name:
            continue  # Two equal entries: only the second is said to add nothing.
        report.notice("redundant", place, f"adds nothing: the entry {other.name} opens all of it")
        return


def _holds_for(wide: ResolvedEntry, narrow: ResolvedEntry) -> bool:
    lasts = wide.expires is None or (narrow.expires is not None and narrow.expires <= wide.expires)
    everybody = wide.users is None or (narrow.users is not None and set(narrow.users) <= set(wide.users))
    return lasts and everybody and set(narrow.for_) <= set(wide.for_)


def _covered(entry: ResolvedEntry, by: Sequence[Grant | ResolvedNever]) -> bool:
    """Is all that the entry opens in these?"""
    rest = [Box(grant.addresses, grant.services) for grant in entry.may]
    first = str(rest[0].addresses.first())
    if not any(first in one.addresses for one in by):
        # Nearly always so, and much cheaper to find than the whole difference.
        return False
    for one in by:
        rest = [piece for box in rest for piece in minus(box, Box(one.addresses, one.services))]
    return not rest
