# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sets of the table hold exactly some keys, in the kernel's bytes."""

from __future__ import annotations

from typing import Callable, Collection, Iterator, Mapping

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

Keys = Mapping[str, Mapping[bytes, int]]
"""By set: its keys, each with the milliseconds after which the kernel removes it, 0 for never."""

_ATTEMPTS = 20
"""How often it is tried again because another process, such as systemd itself, commits meanwhile."""
_FAMILY, _NAME = wire.family_number(TABLE[0]), TABLE[1]


def held(names: Collection[str]) -> dict[str, frozenset[bytes]]:
    """Return the keys in each of these sets that the table has. Raise NetlinkError."""
    with Connection() as kernel:
        return _held(kernel, names)


def hold(names: Collection[str], desired_of: Callable[[Mapping[str, frozenset[bytes]]], Keys], *, anew: bool) -> None:
    """Add the keys that sets lack and remove the others. Raise NetlinkError.

    names: sets; those that the table does not have are left out. desired_of: returns what they should hold, for what
    they hold. anew: whether a key that is there is made anew, with its time.
    """
    for attempt in range(_ATTEMPTS if names else 0):
        with Connection() as kernel:
            generation = read_settled_generation(kernel)
            present = _held(kernel, names)
        desired = desired_of(present)
        requests = [
            request
            for name, live in present.items()
            for request in _requests(name, live, desired[name], live if anew else frozenset())
        ]
        try:
            if requests:
                commit("filling the sets of units", _FAMILY, generation, requests)
        except (StaleGeneration, NoSuchObject, AlreadyExists):
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _held(kernel: Connection, names: Collection[str]) -> dict[str, frozenset[bytes]]:
    present = {}
    for name in names:
        try:
            answers = kernel.dump(f"reading set {name}", wire.NFT_MSG_GETSETELEM, _FAMILY, _reference(name))
        except NoSuchObject:
            continue
        lists = (wire.parse_attributes(answer.payload[4:]).get(elements.LIST_ELEMENTS, b"") for answer in answers)
        present[name] = frozenset(_key(element) for each in lists for _kind, element in wire.parse_list(each))
    return present


def _key(element: bytes) -> bytes:
    return wire.parse_attributes(wire.parse_attributes(element)[elements.KEY])[elements.DATA_VALUE]


def _requests(
    name: str, live: frozenset[bytes], desired: Mapping[bytes, int], anew: frozenset[bytes]
) -> Iterator[Request]:
    removed = [elements.element_attribute(key) for key in sorted((live - {*desired}) | anew)]
    added = [
        elements.element_attribute(key, extras=_timeout(desired[key])) for key in sorted({*desired} - (live - anew))
    ]
    kinds = ((wire.NFT_MSG_DELSETELEM, 0, removed), (wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE, added))
    for kind, flags, encoded in kinds:
        for part in elements.list_attributes(encoded) if encoded else ():
            yield kind, flags, _reference(name) + part


def _timeout(milliseconds: int) -> bytes:
    return wire.attribute(elements.TIMEOUT, milliseconds.to_bytes(8, "big")) if milliseconds else b""


def _reference(name: str) -> bytes:
    return wire.string_attribute(elements.LIST_TABLE, _NAME) + wire.string_attribute(elements.LIST_SET, name)
