# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names in a policy: the common grammar, without names that stand for a whole registry."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError, Pattern
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

from . import values

WAYS = (
    "set egress_names: resolver, or periodic for hosts whose resolver must not be touched, or proxy; or write"
    " addresses, or hosts:PATTERN for hosts of the inventory; approximate: narrower leaves the names out on this host"
)
"""What to do about a name where nobody fills its set."""
_MEANT = re.compile(r"[^\s:/,@]*[.*][^\s:/,@]*")


def is_meant(text: str) -> bool:
    """Tell whether a text that is no address is meant as a pattern of names, right or wrong."""
    return _MEANT.fullmatch(text) is not None


def parse(text: str) -> Pattern:
    """Return the pattern of a text. Raise DomainNameError, also for the names of a whole registry."""
    pattern = domain_names.parse(text)
    first, _dot, rest = pattern.name.partition(".")
    if rest in datafiles.load("public_suffixes")["registries"].get(first, "").split():
        raise DomainNameError(
            "is a public suffix, below which anyone can register a name",
            f"name the domain, such as example.{pattern.name}",
        )
    return pattern


def pattern(report: ErrorReport, place: Place, text: str) -> Pattern | None:
    """Read one pattern of names. None after an error."""
    try:
        return parse(text)
    except DomainNameError as error:
        report.error(place, f"{values.show(text)} {error.cause}", error.fix)
        return None


def exact(text: str) -> str | None:
    """Return the single name that a text stands for; None for addresses, wildcards and everything else."""
    if not is_meant(text):
        return None
    try:
        pattern = parse(text)
    except DomainNameError:
        return None
    return None if pattern.wild else pattern.name


def platform(pattern: Pattern) -> str:
    """Return the shared platform that a pattern opens, "" for none: one customer's names on it are none."""
    platforms: Sequence[str] = datafiles.load("public_suffixes")["platforms"]
    both = Pattern(domain_names.BOTH, pattern.name) if pattern.wild else pattern
    return next((name for name in platforms if domain_names.matches(both, name)), "")
