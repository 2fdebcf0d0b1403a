# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices for the authors of a policy: entries about to close, overdue reviews, entries that add nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy

from .redundancy import closed, redundant

WARN_DAYS = 14


def advise(
    report: ErrorReport, resolved: ResolvedPolicy, entries: Sequence[tuple[Entry, ResolvedEntry]], today: dt.date
) -> None:
    """Add all notices. entries: those of the policy, as written and resolved."""
    if not resolved.internal:
        place = variable("egress_internal_networks")
        report.notice("no_internal_networks", place, "is not set: the word internal stands for nothing on this host")
    for address in (resolved.internal & words.table("cloud_metadata")).cidrs()[:1]:
        place = variable("egress_internal_networks")
        text = f"contains the metadata service {address}; egress_never can close it"
        report.notice("metadata_inside", place, text)
    all_resolved = [resolved_entry for _entry, resolved_entry in entries]
    wider = redundant(all_resolved)
    never = closed(all_resolved, resolved.never)
    for (entry, resolved_entry), other, is_closed in zip(entries, wider, never, strict=True):
        _dates(report, entry.place, resolved_entry, today)
        for name in resolved_entry.shared:
            text = f"{name} is a shared platform: anyone can host a service there, so this entry permits"
            report.notice("shared", entry.place, f"{text} exfiltration")
        _names(report, entry.place, resolved, resolved_entry)
        if is_closed:
            report.notice("closed_by_never", entry.place, "opens nothing: egress_never closes all of it")
        elif other is not None and entry.kind not in ("tier", "floor"):
            report.notice("redundant", entry.place, f"adds nothing: the entry {other.name} opens all of it")


def _dates(report: ErrorReport, place: Place, entry: ResolvedEntry, today: dt.date) -> None:
    if entry.expires is not None and entry.expires - today <= dt.timedelta(days=WARN_DAYS):
        report.notice("expires", place, f"closes at the end of {entry.expires.isoformat()} (UTC)")
    if entry.review_by is not None and entry.review_by < today:
        report.notice("review_due", place, f"has been due for review since {entry.review_by.isoformat()}")


def _names(report: ErrorReport, place: Place, resolved: ResolvedPolicy, entry: ResolvedEntry) -> None:
    """Add what is said of names: those that this host leaves out, and wildcards where the others do not resolve."""
    shown = ", ".join(name.name for name in entry.names)
    if entry.names and resolved.names.leaves_out(entry.approximate):
        report.notice("names_left_out", place, f"opens none of its names on this host: {shown}")
    wild = [name.name for name in entry.names if domain_names.parse(name.name).wild]
    if wild and resolved.names.resolving == "only":
        text = f"{wild[0]} stays a way out through DNS, to whoever answers for these names"
        report.notice("wildcard", place, text)
