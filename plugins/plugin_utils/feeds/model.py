# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A prefix list as it is declared, and its networks in this run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Notice, Place, with_fix
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

AWS_URL = "https://ip-ranges.amazonaws.com/ip-ranges.json"
TIMEOUT = 20.0

Fetch = Callable[[str, float], bytes]
"""Fetches a document: (URL, seconds for all of it) to its bytes. Raises FeedError."""

Clock = Callable[[], dt.datetime]


class FeedError(ControllerError):
    """A source that gave no usable list. cause and fix are halves of one sentence, as in a PolicyError."""

    reason = "bad_prefix_list"

    def __init__(self, cause: str, fix: str = "") -> None:
        super().__init__(cause, fix)
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return with_fix(self.cause, self.fix)


@dataclass(frozen=True)
class TemplateFailure:
    """A declaration whose template failed on this host: an error only when the host uses the list."""

    reason: str


@dataclass(frozen=True)
class Aws:
    """The selection from AWS's document: one service, in these regions; no regions means all."""

    service: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrefixList:
    """One declaration.

    kind: "inline" (addresses is set), "file" (location is a path), "url" (location is a URL), "sources" (sources is
    set) or "external" (a set that others fill).
    sources: the declarations of kind "file" and "url" whose networks together are the list.
    aws, query: the selection from the document, at most one of them; none selects all of it.
    sha256: of the document, in lower case.
    max_age_days: how old the content may be.
    max_change: in percent of the last good copy.
    refresh_minutes: how long a copy is used without asking the source again.
    timeout: seconds.
    names: the domain names whose addresses fill an external list.
    """

    name: str
    place: Place = field(compare=False)
    _options: KW_ONLY
    kind: Literal["inline", "file", "url", "sources", "external"]
    sources: tuple[PrefixList, ...] = ()
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
    """The networks of a list in this run.

    addresses: empty only when external.
    source: where it comes from, for people, without credentials.
    fetched_at: when the content was fetched (of a file: changed), in UTC; None when nothing is fetched.
    kept: this is the last good copy, because the source could not be used; a notice says why.
    """

    name: str
    addresses: AddressSet = NOTHING
    _options: KW_ONLY
    external: bool = False
    shared: bool = False
    source: str = ""
    fetched_at: dt.datetime | None = None
    kept: bool = False
    notices: tuple[Notice, ...] = ()
    names: tuple[str, ...] = ()


def when(moment: dt.datetime) -> str:
    """Return a moment as messages show it: `2026-11-20 09:15 UTC`."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
