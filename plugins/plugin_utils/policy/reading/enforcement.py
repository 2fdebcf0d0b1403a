# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How strictly a policy is enforced: where it still only observes, and what becomes of connections that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import hints, values

OBSERVABLE = ("internal", "internet")
"""The words whose destinations can be observed while the rest is enforced."""


@dataclass(frozen=True)
class Enforcement:
    """observe: words of OBSERVABLE, in that order. recheck: open connections are held to the policy, too.

    untracked: what connection tracking was told to leave alone may pass.
    """

    observe: tuple[str, ...] = ()
    recheck: bool = False
    untracked: bool = False


def read(report: ErrorReport, variables: Mapping[str, Any]) -> Enforcement:
    """egress_observe, egress_established and egress_untracked; what is wrong stands as if it were not set."""
    return Enforcement(
        _observe(report, variables.get("egress_observe")),
        _choice(report, variables, "egress_established", ("keep", "recheck")) == "recheck",
        _choice(report, variables, "egress_untracked", ("refuse", "accept")) == "accept",
    )


def _choice(report: ErrorReport, variables: Mapping[str, Any], name: str, choice: tuple[str, ...]) -> str | None:
    """A word, the first where nothing is said."""
    value = variables.get(name)
    return choice[0] if value is None else values.choice(report, variable(name), value, choice)


def _observe(report: ErrorReport, value: Any) -> tuple[str, ...]:
    found = set()
    for at, item in values.items(report, variable("egress_observe"), [] if value is None else value) or []:
        if isinstance(item, str) and item in OBSERVABLE:
            found.add(item)
            continue
        fix = hints.did_you_mean(str(item), OBSERVABLE, "observe")
        report.error(at, f"{values.show(item)} cannot be observed by itself", fix)
    return tuple(word for word in OBSERVABLE if word in found)
