# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A prefix list as it is declared, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Notice, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

AWS_URL = "https://ip-ranges.amazonaws.com/ip-ranges.json"
TIMEOUT = 20.0

Fetch = Callable[[str, float], bytes]
"""What gets a document: (URL, seconds for all of it) to its bytes. Raises Unusable."""

Clock = Callable[[], dt.datetime]


class Unusable(Exception):
    """A source gave no list. cause and cure are halves of one sentence, as in a PolicyError."""

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(cause, cure)
        self.cause = cause
        self.cure = cure


@dataclass(frozen=True)
class Untemplated:
    """Stands for a declaration whose template failed on this host: an error only where the list is used."""

    reason: str


@dataclass(frozen=True)
class Aws:
    """What to take out of a document of AWS's shape: one service, in these regions; no regions are all of them."""

    service: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrefixList:
    """One declaration.

    kind: "inline" (addresses is set), "file" (location is a path), "url" (location is a URL) or "external": a set that
    others fill. aws, query: what to take out of the document, at most one of them; neither: all of it. sha256: of the
    document, in small letters. max_age_days: how old the content may be. max_change: in percent of what the last good
    copy has. refresh_minutes: how long a copy is as good as a new one. timeout: seconds. names: of an external list the
    domain names whose addresses fill it.
    """

    name: str
    place: Place = field(compare=False)
    kind: str
    addresses: AddressSet = NOTHING
    location: str = ""
    aws: Aws | None = None
    query: str | None = None
    sha256: str | None = None
    max_age_days: int | None = None
    max_change: float | None = None
    refresh_minutes: int = 0
    timeout: float = TIMEOUT
    shared: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrefixListResult:
    """What a list stands for in this run.

    addresses: empty only when external. source: where it comes from, for people, without credentials. fetched_at: when
    the content was fetched (of a file: changed), in UTC; None where nothing is fetched. kept: it is the last good copy,
    because the source could not be used; a notice says why.
    """

    name: str
    addresses: AddressSet = NOTHING
    external: bool = False
    shared: bool = False
    source: str = ""
    fetched_at: dt.datetime | None = None
    kept: bool = False
    notices: tuple[Notice, ...] = ()
    names: tuple[str, ...] = ()


def when(moment: dt.datetime) -> str:
    """A moment as messages show it: `2026-11-20 09:15 UTC`."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
