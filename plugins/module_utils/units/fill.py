# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sets of the table hold exactly the ids of the cgroups that are there."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Collection, Mapping

from . import cgroups, keys

KEY_LENGTH = 8
"""Bytes of an id in a set; the kernel has it in the order of the machine."""


def key(number: int) -> bytes:
    """Return the id of a cgroup as a set has it."""
    return number.to_bytes(KEY_LENGTH, sys.byteorder)


def fill(units: Mapping[str, Collection[str]]) -> None:
    """Add the ids that sets lack and remove those of cgroups that are gone. Raise NetlinkError.

    units: by set; sets that the table does not have are left out.
    """
    root = cgroups.root()

    def desired(_present: object) -> keys.Keys:
        ids = cgroups.ids(units, cgroups.staying(root))
        return {name: {key(number): 0 for number in numbers} for name, numbers in ids.items()}

    keys.hold(units, desired, anew=False)


def change_one(units: Mapping[str, Collection[str]], cgroup: cgroups.Cgroup, *, ending: bool) -> None:
    """Add the id of one cgroup to the sets that are about its unit, or remove it. Raise NetlinkError.

    No other: one that is there still may be about to go, and its own end took it out already. Whoever compares the sets
    with the tree before the folder is gone must not bring it back.
    """
    with suppress(OSError):
        cgroups.mark(cgroups.root(), cgroup, ending=ending)
    names = cgroups.names(cgroup.unit)
    own, number = [name for name, listed in units.items() if names & {*listed}], frozenset((key(cgroup.id),))

    def desired(present: Mapping[str, frozenset[bytes]]) -> keys.Keys:
        return {name: dict.fromkeys(live - number if ending else live | number, 0) for name, live in present.items()}

    keys.hold(own, desired, anew=False)
