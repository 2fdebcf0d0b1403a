# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time in which connections that are older than the table may go on."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import OLDER_SET

_TIMEOUT = "30m"
"""A connection that says nothing for so long is cut, unless its other side speaks next."""


def kept(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return table specs as the apply that makes the table loads them.

    No table, no rule of ours that asks for connection tracking: it may know no connection yet. The element goes with
    its timeout, and no other run adds it.
    """
    element = {"value": "tcp", "timeout": _TIMEOUT}
    return [
        {
            **table,
            "sets": [
                {**each, "elements": [element]} if each.get("name") == OLDER_SET else each
                for each in table.get("sets") or ()
            ],
        }
        for table in tables
    ]
