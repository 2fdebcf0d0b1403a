# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sets of the table hold exactly the ids of the cgroups that are there."""

from __future__ import annotations

import sys
from typing import Callable, Collection, Iterator, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import elements, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.connection import Connection
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import (
    AlreadyExists,
    NoSuchObject,
    StaleGeneration,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import read_settled_generation
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.snapshot import Request, commit
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import cgroups

_ATTEMPTS = 20
"""How often it is tried again because another process, such as systemd itself, commits meanwhile."""
KEY_LENGTH = 8
"""Bytes of an id in a set; the kernel has it in the order of the machine."""
_FAMILY, _NAME = wire.family_number(TABLE[0]), TABLE[1]


class Filled(NamedTuple):
    """What a set gained and lost."""

    set: str
    added: frozenset[int]
    removed: frozenset[int]


def fill(units: Mapping[str, Collection[str]]) -> list[Filled]:
    """Add the ids that sets lack and remove those of cgroups that are gone; return what changed.

    units: by set; sets that the table does not have are left out. Raise NetlinkError.
    """
    root = cgroups.root()
    return _make(units, lambda _present: cgroups.ids(units, list(cgroups.cgroups(root)))) if units else []


def change_one(units: Mapping[str, Collection[str]], cgroup: cgroups.Cgroup, *, ending: bool) -> list[Filled]:
    """Add the id of one cgroup to the sets that are about its unit, or remove it; return what changed.

    No other: one that is there still may be about to go, and its own end took it out already. Raise NetlinkError.
    """
    names = cgroups.names(cgroup.unit)
    own = {name: listed for name, listed in units.items() if names & {*listed}}
    number = frozenset((cgroup.id,))
    return _make(
        own, lambda present: {name: live - number if ending else live | number for name, live in present.items()}
    )


def held(names: Collection[str]) -> dict[str, frozenset[int]]:
    """Return the ids in each of these sets that the table has. Raise NetlinkError."""
    with Connection() as kernel:
        return _held(kernel, names)


def _held(kernel: Connection, names: Collection[str]) -> dict[str, frozenset[int]]:
    present = {}
    for name in names:
        try:
            answers = kernel.dump(f"reading set {name}", wire.NFT_MSG_GETSETELEM, _FAMILY, _reference(name))
        except NoSuchObject:
            continue
        lists = (wire.parse_attributes(answer.payload[4:]).get(elements.LIST_ELEMENTS, b"") for answer in answers)
        present[name] = frozenset(_id(element) for each in lists for _kind, element in wire.parse_list(each))
    return present


def _id(element: bytes) -> int:
    key = wire.parse_attributes(wire.parse_attributes(element)[elements.KEY])[elements.DATA_VALUE]
    return int.from_bytes(key, sys.byteorder)


def _make(names: Collection[str], desired_of: Callable[[cgroups.Ids], cgroups.Ids]) -> list[Filled]:
    """Make sets hold what they should. desired_of: returns it for what they hold."""
    for attempt in range(_ATTEMPTS):
        with Connection() as kernel:
            generation = read_settled_generation(kernel)
            present = _held(kernel, names)
        desired = desired_of(present)
        changes = [
            Filled(name, desired[name] - live, live - desired[name])
            for name, live in present.items()
            if desired[name] != live
        ]
        requests = [request for change in changes for request in _requests(change)]
        try:
            if requests:
                commit("filling the sets of units", _FAMILY, generation, requests)
        except (StaleGeneration, NoSuchObject, AlreadyExists):
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return changes
    return []


def _requests(change: Filled) -> Iterator[Request]:
    kinds = ((wire.NFT_MSG_DELSETELEM, 0, change.removed), (wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE, change.added))
    for kind, flags, numbers in kinds:
        encoded = [elements.element_attribute(number.to_bytes(KEY_LENGTH, sys.byteorder)) for number in sorted(numbers)]
        for part in elements.list_attributes(encoded) if encoded else ():
            yield kind, flags, _reference(change.set) + part


def _reference(name: str) -> bytes:
    return wire.string_attribute(elements.LIST_TABLE, _NAME) + wire.string_attribute(elements.LIST_SET, name)
