# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of a list: its age, how much it may change at once, and when the last good copy stands in for it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from . import change
from .copies import Copy
from .model import PrefixList, Unusable, when
from .outcome import Outcome


def is_fresh(declared: PrefixList, copy: Copy, now: dt.datetime) -> bool:
    """Was the copy fetched so recently that refresh_minutes spares the server?"""
    age = now - copy.fetched_at
    return dt.timedelta(0) <= age < dt.timedelta(minutes=declared.refresh_minutes)


def check_age(declared: PrefixList, new: Copy, now: dt.datetime) -> None:
    """Raises Unusable for a file that was not refreshed in time. What was fetched just now is as old as nothing."""
    if _too_old(declared, new, now):
        cause = (
            f"{declared.location} was last changed on {when(new.fetched_at)}, max_age_days is {declared.max_age_days}"
        )
        raise Unusable(cause, "refresh the file, or raise max_age_days")


def check_change(declared: PrefixList, copy: Copy | None, new: Copy) -> list[tuple[str, str]]:
    """Raises Unusable when max_change does not allow the change; a notice when there is nothing to compare with."""
    if declared.max_change is None:
        return []
    limit = f"max_change {declared.max_change:g}%"
    if copy is None:
        return [("prefix_list_first", f"no earlier copy is there to compare with: {limit} guards from the next run on")]
    found = change.largest(copy.addresses, new.addresses)
    if found.percent > declared.max_change:
        cure = f"if that is right, accept it once: -e egress_prefix_list_accept={declared.name}"
        raise Unusable(f"changed by more than {limit}: {found.text}", cure)
    return []


def fall_back(declared: PrefixList, copy: Copy | None, error: Unusable, now: dt.datetime, directory: Path) -> Outcome:
    """The last good copy with a notice that says so. Raises Unusable when there is none, or it is too old."""
    if copy is None:
        raise Unusable(f"{error.cause}; no earlier copy is kept in {directory}", error.cure) from error
    kept = f"the copy of {when(copy.fetched_at)}"
    if _too_old(declared, copy, now):
        cause = f"{error.cause}; {kept} is older than max_age_days {declared.max_age_days}"
        raise Unusable(cause, error.cure or "mend the source, or raise max_age_days") from error
    count = len(copy.addresses.v4) + len(copy.addresses.v6)
    text = f"{error.cause}; {kept} ({count} networks) stays in use"
    notice = ("prefix_list_kept", f"{text}; {error.cure}" if error.cure else text)
    return Outcome(copy.addresses, copy.fetched_at, kept=True, notices=(notice,))


def _too_old(declared: PrefixList, copy: Copy, now: dt.datetime) -> bool:
    return declared.max_age_days is not None and now - copy.fetched_at > dt.timedelta(days=declared.max_age_days)
