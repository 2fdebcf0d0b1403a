# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units by the level of the cgroup tree at which they are, since a rule looks at one level.

A service can be at several, so here it is one unit for each: `3/nginx.service`, a name that no unit has. What rules
open on all of its levels together is what the policy opens to the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import Cgroup


def units_at(level: int, units: Iterable[str]) -> tuple[str, ...]:
    """Return the units that can be at a level, as they are there."""
    return tuple(_at(unit, level) for unit in units if level in unit_names.levels(unit))


def by_level(policy: ResolvedPolicy) -> ResolvedPolicy:
    """Return the policy with each unit as it is at each level."""
    return replace(
        policy,
        entries=tuple(
            entry if entry.units is None else replace(entry, units=_everywhere(entry.units)) for entry in policy.entries
        ),
        never=tuple(replace(never, except_units=_everywhere(never.except_units)) for never in policy.never),
    )


def without_level(cgroup: Cgroup) -> Cgroup:
    """Return a place with the unit's own name."""
    return cgroup._replace(service=cgroup.service.rpartition("/")[2])


def _everywhere(units: Sequence[str]) -> tuple[str, ...]:
    return tuple(_at(unit, level) for unit in units for level in unit_names.levels(unit))


def _at(unit: str, level: int) -> str:
    return unit if unit.endswith(".slice") else f"{level}/{unit}"
