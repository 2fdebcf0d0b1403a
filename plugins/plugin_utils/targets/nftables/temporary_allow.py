# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations that an operator allows for some hours: sets in every table, empty until then.

The kernel removes the elements by their timeout. They belong to the operator: no run removes them, and the watcher
does not count them as drift. The floor and egress_never come first.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names

from .matches import FAMILIES, Spec, destination, in_set

_SIZE = 4096


def sets() -> list[Spec]:
    """Return the sets. They are declared without elements, so that no run touches their content."""
    return [
        {
            "name": table_names.of_version(table_names.TEMPORARY_ALLOW_SET, version),
            "typeof": _key(version),
            "flags": ["timeout"],
            "size": _SIZE,
        }
        for version in FAMILIES
    ]


def _key(version: int) -> str:
    return f"{destination(version)} . meta l4proto . th dport"


def rules(verdict: str) -> list[str]:
    """Return one rule for each IP version."""
    ported = f"meta l4proto {{ {', '.join(table_names.PORTED_PROTOCOLS)} }}"
    return [
        f"{ported} {_key(version)} {in_set(table_names.TEMPORARY_ALLOW_SET, version)}"
        f' counter {verdict} comment "{table_names.TEMPORARY_ALLOW_COMMENT}"'
        for version in FAMILIES
    ]
