# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of systemd units in our table: which units each is about, and the ids of cgroups in it.

A set's name says which units it is about (table_names.units_set), so the file about them may hold those of earlier
policies too, and a way back needs no other.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, Collection, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files, unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import SET, TableSnapshot
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import with_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    TABLE_TEXT,
    UNITS_SET_KEY,
    is_units_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups, fill, keys, temporary

from .live_table import LiveTable

Units = Mapping[str, Sequence[str]]
"""By set: names of units."""


def read(paths: Paths) -> Units:
    """Return the units of every set of this and of earlier policies; none where the file is damaged."""
    with suppress(ValueError):
        content = json.loads(files.read(paths.unit_sets) or "{}")
        if isinstance(content, dict):
            return content
    return {}


def remember(paths: Paths, units: Units, still: Collection[str]) -> None:
    """Add the units of a policy. still: sets of earlier policies that may come back; the others are forgotten."""
    known = read(paths)
    kept = {**{name: known[name] for name in known if name in still}, **{name: [*units[name]] for name in units}}
    if kept != known:
        files.write(paths.unit_sets, json.dumps(kept, sort_keys=True).encode())


def follow(paths: Paths) -> None:
    """Make the sets of the live table hold the ids of the cgroups that are there, for as long as each is open."""
    fill.fill(read(paths))
    temporary.follow(paths.temporary_units)


def make(table: LiveTable, units: Units) -> None:
    """Make the sets that the live table does not have, as the compiler declares them."""
    new = sorted({*units} - {*keys.held(units)})
    if new:
        text = "".join(f"add set {TABLE_TEXT} {name} {{ typeof {UNITS_SET_KEY}; }}\n" for name in new)
        table.load(text)


def live(paths: Paths) -> Units:
    """Return the units of the sets that the live table has."""
    known = read(paths)
    return {name: known[name] for name in keys.held(known)}


def facts(paths: Paths) -> dict[str, Any] | None:
    """Return how the units of the live table are; None where it names none.

    named: all of them. missing: those that this host does not know; stopped: those without a cgroup now. Neither opens
    anything. by_systemd: whether systemd keeps their ids in the sets, else processes of ours and the watcher do.
    """
    units = live(paths)
    if not units:
        return None
    named = sorted({unit for of_set in units.values() for unit in of_set})
    ids: Mapping[str, Collection[int]] = {}
    with suppress(OSError):
        ids = cgroups.ids({unit: [unit] for unit in named}, list(cgroups.cgroups(cgroups.root())))
    missing = unit_files.missing(units)
    return {
        "named": named,
        "missing": missing,
        "stopped": [unit for unit in named if not ids.get(unit) and unit not in missing],
        "by_systemd": unit_files.are_filled_by_systemd(),
    }


def filled(paths: Paths, snapshot: TableSnapshot | None) -> TableSnapshot | None:
    """Return a table whose sets of units hold the ids of now: those that it was recorded with may be gone."""
    names = [] if snapshot is None else [each.name for each in snapshot.of(SET) if is_units_set(each.name)]
    if snapshot is None or not names:
        return snapshot
    ids: cgroups.Ids = {}
    # Without a tree to read, nothing is open to units.
    with suppress(OSError):
        ids = cgroups.ids(read(paths), cgroups.staying(cgroups.root()))
    return with_elements(snapshot, {name: [*map(fill.key, sorted(ids.get(name, ())))] for name in names})
