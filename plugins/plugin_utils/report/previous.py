# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last report knew, so that this one can say what is new."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import (
    INTEGER,
    MOMENT,
    TEXT,
    ListOf,
    Record,
    ShapeError,
)

from .sources import SourceError
from .totals import DAY

VERSION = 1
FILE = "report.json"
Key = tuple[str, str, str]
"""Tier, destination, service."""

_SHAPE = Record({"version": INTEGER, "made": MOMENT, "known": ListOf(ListOf(TEXT))})


@dataclass(frozen=True)
class Previous:
    """The last report. made: when, in seconds since 1970; known: destinations that it had."""

    made: float
    known: frozenset[Key]


def parse(text: str, path: str) -> Previous | None:
    """Return what the file says, None where there is none. Raise SourceError for a file that is none of ours."""
    if not text:
        return None
    try:
        content = _SHAPE.copy(json.loads(text), "")
    except (ValueError, RecursionError, ShapeError) as error:
        raise _foreign(path, str(error)) from error
    if content["version"] != VERSION:
        raise _foreign(path, f"version {content['version']}")
    return Previous(content["made"], frozenset((*key, "", "", "")[:3] for key in content["known"]))


def dump(made: float, known: Iterable[Key]) -> str:
    """Return the text of the file."""
    return json.dumps({"version": VERSION, "made": made, "known": sorted(map(list, known))}) + "\n"


def new_keys(first: dict[Key, int], previous: Previous | None, end: float) -> set[Key]:
    """Return what is new since the last report, in the last day without one. first: when each was first noticed."""
    if previous is not None:
        return first.keys() - previous.known
    return {key for key, moment in first.items() if moment >= end - DAY}


def _foreign(path: str, cause: str) -> SourceError:
    return SourceError(
        f"{path} is not what the last report wrote ({cause}). Fix: remove it; this report then compares with nothing."
    )
