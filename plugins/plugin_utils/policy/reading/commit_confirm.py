# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-confirm: whether a change must be confirmed over a new connection, and how long the host waits for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import values

SHORTEST, LONGEST = 5, 3600
"""Seconds that the host may be made to wait."""


@dataclass(frozen=True)
class CommitConfirm:
    """How a change is committed.

    enabled: whether it must be confirmed over a new connection.
    timeout: seconds until the host rolls back a change that is not confirmed.
    """

    enabled: bool = True
    timeout: int = 60


def read(report: ErrorReport, variables: Mapping[str, Any]) -> CommitConfirm:
    """Read egress_confirm and egress_confirm_timeout; a value with an error counts as not set."""
    enabled = variables.get("egress_confirm")
    default = CommitConfirm()
    return CommitConfirm(
        default.enabled if enabled is None else _enabled(report, enabled),
        _timeout(report, variables.get("egress_confirm_timeout"), default.timeout),
    )


def _enabled(report: ErrorReport, value: Any) -> bool:
    """Read a boolean, also as a text: -e KEY=VALUE gives texts."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return values.boolean(report, variable("egress_confirm"), value) is not False


def _timeout(report: ErrorReport, value: Any, default: int) -> int:
    if value is None:
        return default
    text = str(value).strip()
    if not isinstance(value, bool) and text.isascii() and text.isdigit() and SHORTEST <= int(text) <= LONGEST:
        return int(text)
    cause = f"{values.show(value)} is not a number of seconds from {SHORTEST} to {LONGEST}"
    report.error(variable("egress_confirm_timeout"), cause, "write it without a unit, such as 60")
    return default
