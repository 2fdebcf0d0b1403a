# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in words, all in UTC."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

DAY = 86400


def stamp(moment: float) -> str:
    """Return 2026-11-20 14:44, "unknown" for 0."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d %H:%M}" if moment else "unknown"


def day(moment: float) -> str:
    """Return 20 Nov."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%d %b}"


def near(moment: float, end: float) -> str:
    """Return Tuesday 14:02 for a time of the week before end, else with its date."""
    if 0 <= end - moment < 6 * DAY:
        return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%A %H:%M}"
    return stamp(moment)


def length(seconds: float) -> str:
    """Return a length of time in its largest unit, rounded down: 6 days, 1 hour, 5 minutes."""
    for unit, size in (("day", DAY), ("hour", 3600), ("minute", 60)):
        number = int(seconds // size)
        if number:
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "less than a minute"


def parse(text: object) -> int | None:
    """Return the seconds since 1970 of 2026-11-20T10:15:00Z, None for anything else or a time after 2200."""
    with suppress(ValueError, OverflowError):
        moment = dt.datetime.strptime(str(text)[:40], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC).timestamp()
        return int(moment) if 0 < moment < 7_258_118_400 else None
    return None
