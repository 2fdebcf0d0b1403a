# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of a list: its age, how much it may change at once, and when the last good copy replaces it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import NoticeKind, with_fix

from . import change
from .copies import Copy
from .model import FeedError, PrefixList, when
from .outcome import Outcome


def is_fresh(declared: PrefixList, copy: Copy, now: dt.datetime) -> bool:
    """Return whether the copy is younger than refresh_minutes, so that the server is not asked again."""
    age = now - copy.fetched_at
    return dt.timedelta(0) <= age < dt.timedelta(minutes=declared.refresh_minutes)


def check_age(declared: PrefixList, location: str, new: Copy, now: dt.datetime) -> None:
    """Raise FeedError for a file that is older than max_age_days. What was fetched in this run has no age."""
    if _too_old(declared, new, now):
        cause = f"{location} was last changed on {when(new.fetched_at)}, max_age_days is {declared.max_age_days}"
        raise FeedError(cause, "refresh the file, or raise max_age_days")


def check_change(declared: PrefixList, copy: Copy | None, new: Copy) -> list[tuple[NoticeKind, str]]:
    """Raise FeedError for a change beyond max_change; return a notice when there is nothing to compare with."""
    if declared.max_change is None:
        return []
    limit = f"max_change {declared.max_change:g}%"
    if copy is None:
        return [("prefix_list_first", f"no earlier copy to compare with; {limit} applies from the next run on")]
    largest = change.largest(copy.addresses, new.addresses)
    if largest.percent > declared.max_change:
        fix = f"if the change is right, accept it once: -e egress_prefix_list_accept={declared.name}"
        raise FeedError(f"changed by more than {limit}: {largest.text}", fix)
    return []


def fall_back(declared: PrefixList, copy: Copy | None, error: FeedError, now: dt.datetime, directory: Path) -> Outcome:
    """Return the last good copy with a notice about it. Raise FeedError when there is none, or it is too old."""
    if copy is None:
        raise FeedError(f"{error.cause}; there is no earlier copy in {directory}", error.fix) from error
    kept = f"the copy of {when(copy.fetched_at)}"
    if _too_old(declared, copy, now):
        cause = f"{error.cause}; {kept} is older than max_age_days {declared.max_age_days}"
        raise FeedError(cause, error.fix or "restore the source, or raise max_age_days") from error
    size = count(len(copy.addresses.v4) + len(copy.addresses.v6), "network")
    text = f"{error.cause}; {kept} ({size}) stays in use"
    notice: tuple[NoticeKind, str] = ("prefix_list_kept", with_fix(text, error.fix))
    return Outcome(copy.addresses, copy.fetched_at, kept=True, notices=(notice,))


def _too_old(declared: PrefixList, copy: Copy, now: dt.datetime) -> bool:
    return declared.max_age_days is not None and now - copy.fetched_at > dt.timedelta(days=declared.max_age_days)
