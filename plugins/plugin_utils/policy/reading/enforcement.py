# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What enforce leaves alone: destinations that are only observed, open connections, untracked packets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import hints, values

Observable = Literal["internal", "internet"]
OBSERVABLE: tuple[Observable, ...] = ("internal", "internet")
"""The words whose destinations can be observed while the rest is enforced."""


@dataclass(frozen=True)
class Enforcement:
    """How far the mode enforce goes.

    observe: the words whose destinations are only observed, in the order of OBSERVABLE.
    recheck: whether the policy also applies to connections that are open.
    untracked: whether packets that notrack rules keep from connection tracking are accepted.
    """

    observe: tuple[Observable, ...] = ()
    recheck: bool = False
    untracked: bool = False


def read(report: ErrorReport, variables: Mapping[str, Any]) -> Enforcement:
    """Read egress_observe, egress_established and egress_untracked; a value with an error counts as not set."""
    return Enforcement(
        _observe(report, variables.get("egress_observe")),
        _choice(report, variables, "egress_established", ("keep", "recheck")) == "recheck",
        _choice(report, variables, "egress_untracked", ("reject", "accept")) == "accept",
    )


def _choice(report: ErrorReport, variables: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    """Read a word; the first where the variable is not set."""
    value = variables.get(name)
    return choices[0] if value is None else values.choice(report, variable(name), value, choices)


def _observe(report: ErrorReport, value: Any) -> tuple[Observable, ...]:
    words = set()
    for place, item in values.items(report, variable("egress_observe"), [] if value is None else value) or []:
        if isinstance(item, str) and item in OBSERVABLE:
            words.add(item)
            continue
        fix = hints.did_you_mean(str(item), OBSERVABLE, "observe")
        report.error(place, f"{values.show(item)} cannot be observed by itself", fix)
    return tuple(word for word in OBSERVABLE if word in words)
