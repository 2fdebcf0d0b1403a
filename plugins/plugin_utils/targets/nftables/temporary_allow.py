# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations that an operator allows for some hours: sets in every table, empty until then.

The kernel removes the elements by their timeout. They belong to the operator: no run removes them, and the watcher
does not count them as drift. The floor and egress_never come first.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from .matches import FAMILIES, Spec, destination, in_set

_SIZE = 4096


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets. They are declared without elements, so that no run touches their content."""
    kinds = {table_names.TEMPORARY_ALLOW_SET: ""}
    if knows_units(resolved):
        kinds[table_names.TEMPORARY_ALLOW_UNIT_SET] = f" . {table_names.UNITS_SET_KEY}"
    return [
        {
            "name": table_names.of_version(name, version),
            "typeof": f"{_key(version)}{unit}",
            "flags": ["timeout"],
            "size": _SIZE,
        }
        for name, unit in kinds.items()
        for version in FAMILIES
    ]


def rules(verdict: str) -> list[str]:
    """Return one rule for each IP version."""
    return [_rule(version, table_names.TEMPORARY_ALLOW_SET, "", verdict) for version in FAMILIES]


def unit_rules(resolved: ResolvedPolicy, verdict: str) -> list[str]:
    """Return one rule for each IP version and level at which a unit can be."""
    levels = table_names.TEMPORARY_ALLOW_LEVELS if knows_units(resolved) else ()
    return [
        _rule(version, table_names.TEMPORARY_ALLOW_UNIT_SET, f" . socket cgroupv2 level {level}", verdict)
        for version in FAMILIES
        for level in levels
    ]


def knows_units(resolved: ResolvedPolicy) -> bool:
    """Return whether the table may match units: only nft 1.0 and later does, as entries with units need it."""
    return resolved.sight.ledger_units or bool(resolved.units())


def _key(version: int) -> str:
    return f"{destination(version)} . meta l4proto . th dport"


def _rule(version: int, name: str, unit: str, verdict: str) -> str:
    ported = f"meta l4proto {{ {', '.join(table_names.PORTED_PROTOCOLS)} }}"
    comment = f'comment "{table_names.TEMPORARY_ALLOW_COMMENT}"'
    return f"{ported} {_key(version)}{unit} {in_set(name, version)} counter {verdict} {comment}"
