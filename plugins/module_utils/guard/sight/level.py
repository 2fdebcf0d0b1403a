# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bad the state of a host is, for monitoring: on the host and for the fleet."""

from __future__ import annotations

from typing import Any, Mapping

OK, WARNING, CRITICAL = 0, 1, 2
"""Exit statuses of monitoring plugins."""


def level(facts: Mapping[str, Any]) -> int:
    """Return CRITICAL without a table, WARNING for what somebody must look at. facts: of status.py."""
    if facts["table"] == "absent":
        return CRITICAL
    change = facts["pending"]
    is_fine = (
        facts["table"] in ("confirmed", "pending")
        and facts["watcher"]
        and (facts["saved"] == "ok" or (facts["saved"] == "none" and change is not None))
        and (change is None or change["seconds"] >= 0)
        and all(facts[service]["answers"] for service in ("resolver", "proxy") if facts.get(service))
    )
    return OK if is_fine else WARNING
