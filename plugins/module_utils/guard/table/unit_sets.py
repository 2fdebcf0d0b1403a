# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of systemd units in our table: which units each is about, and the ids of cgroups in it.

A set's name says which units it is about (table_names.units_set), so the file about them may hold those of earlier
policies too, and a way back needs no other.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Collection, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import SET, TableSnapshot
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot_changes import with_elements
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    TABLE_TEXT,
    UNITS_SET_KEY,
    is_units_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups
from ansible_collections.tidegate.nftables.plugins.module_utils.units.fill import KEY_LENGTH, Filled, fill, held

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


def follow(paths: Paths) -> list[Filled]:
    """Make the sets of the live table hold the ids of the cgroups that are there; see fill."""
    return fill(read(paths))


def make(table: LiveTable, units: Units) -> None:
    """Make the sets that the live table does not have, as the compiler declares them."""
    new = sorted({*units} - {*held(units)})
    if new:
        text = "".join(f"add set {TABLE_TEXT} {name} {{ typeof {UNITS_SET_KEY}; }}\n" for name in new)
        table.load(text)


def live(paths: Paths) -> Units:
    """Return the units of the sets that the live table has."""
    known = read(paths)
    return {name: known[name] for name in held(known)}


def filled(paths: Paths, snapshot: TableSnapshot | None) -> TableSnapshot | None:
    """Return a table whose sets of units hold the ids of now: those that it was recorded with may be gone."""
    names = [] if snapshot is None else [each.name for each in snapshot.of(SET) if is_units_set(each.name)]
    if snapshot is None or not names:
        return snapshot
    ids: cgroups.Ids = {}
    # Without a tree to read, nothing is open to units.
    with suppress(OSError):
        ids = cgroups.ids(read(paths), list(cgroups.cgroups(cgroups.root())))
    keys = {
        name: [number.to_bytes(KEY_LENGTH, sys.byteorder) for number in sorted(ids.get(name, ()))] for name in names
    }
    return with_elements(snapshot, keys)
