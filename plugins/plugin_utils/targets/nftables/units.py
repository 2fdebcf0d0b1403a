# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units in nft: a set of cgroups for each list of units, which the host fills.

A match looks at one level of the cgroup tree, and what a unit's cgroup has below itself counts there, too. No two
cgroups have the same id, so one set serves all levels.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names, unit_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from .matches import Spec


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets, without elements so that no run touches their content."""
    return [{"name": name, "typeof": table_names.UNITS_SET_KEY} for name in document(resolved)]


def matches(units: Sequence[str] | None) -> list[str]:
    """Return one match for each level at which one of the units can be; of any unit one match of every packet."""
    if units is None:
        return [""]
    levels = sorted({level for unit in units for level in unit_names.levels(unit)})
    return [f"socket cgroupv2 level {level} @{table_names.units_set(units)}" for level in levels]


def document(resolved: ResolvedPolicy) -> dict[str, list[str]]:
    """Return what fills the sets on the host: the units of each set by its name."""
    if resolved.mode == "absent":
        return {}
    return {table_names.units_set(units): list(units) for units in resolved.units()}
