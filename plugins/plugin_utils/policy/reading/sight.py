# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see of a policy at work: the ledger, logs, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import values

LONGEST_LEDGER = 400
"""Days; a year and the month in which it is looked at."""


@dataclass(frozen=True)
class Sight:
    """How a host shows what it rejects.

    ledger_days: days that a line of the ledger is kept after its last packet.
    """

    ledger_days: int = 31


def read(report: ErrorReport, variables: Mapping[str, Any]) -> Sight:
    """Read egress_ledger_days; a value with an error counts as not set."""
    return Sight(
        ledger_days=_number(report, variables, "egress_ledger_days", Sight.ledger_days, range(1, LONGEST_LEDGER + 1)),
    )


def _number(report: ErrorReport, variables: Mapping[str, Any], name: str, default: int, allowed: range) -> int:
    """Read a whole number; -e gives it as a text."""
    value = variables.get(name)
    if value is None:
        return default
    text = str(value).strip()
    if not isinstance(value, bool) and text.isascii() and text.isdigit() and int(text) in allowed:
        return int(text)
    cause = f"{values.show(value)} is not a whole number from {allowed[0]} to {allowed[-1]}"
    report.error(variable(name), cause, f"write a number without a unit, such as {default}")
    return default
