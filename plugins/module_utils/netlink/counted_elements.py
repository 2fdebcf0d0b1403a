# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements that packets add to sets of any key, with their counters, read without nft.

Old versions of nft read every element of a table for nearly every command, which takes a second for full sets.
"""

from __future__ import annotations

from typing import Callable, Iterable, NamedTuple, Sequence

from . import elements, errors, wire
from .connection import Connection
from .declaration import NFT_SET_EVAL, SetInfo, parse_set, read_set
from .decode import decode_element, element_list, split_list
from .garbage_collection import without_gc

_EXPR, _EXPRESSIONS = 7, 11
_EXPR_NAME, _EXPR_DATA = 1, 2


class CountedElement(NamedTuple):
    """One element. key: in the kernel's bytes. packets, bytes: of its counter, 0 without one.

    idle: seconds since its last packet, 0.0 where the set has no timeout. left: seconds until the kernel removes it,
    None without a timeout.
    """

    key: bytes
    packets: int
    idle: float
    bytes: int = 0
    left: float | None = None


def dynamic_elements(family: str, table: str) -> int:
    """Return how many elements packets have put into the dynamic sets of a table, 0 when it does not exist."""
    return sum(count for count, _size in fill(family, table, lambda info: bool(info.flags & NFT_SET_EVAL)).values())


def fill(family: str, table: str, counts: Callable[[SetInfo], bool]) -> dict[str, tuple[int, int]]:
    """Return how many elements each set of a table has that is wanted, and its limit, 0 for none.

    Nothing when the table does not exist.
    """
    number, action = wire.family_number(family), f"counting the elements of table {family} {table}"
    with Connection() as kernel:
        answers = kernel.dump(action, wire.NFT_MSG_GETSET, number, wire.string_attribute(elements.LIST_TABLE, table))
        declared = [parse_set(family, wire.nft_payload(answer, wire.NFT_MSG_NEWSET)[1]) for answer in answers]
        return {
            info.name: (info.count if info.count is not None else _count(kernel, action, info), info.size or 0)
            for info in declared
            if info.table == table and counts(info)
        }


def _count(kernel: Connection, action: str, info: SetInfo) -> int:
    """Return the number of elements where the kernel does not report it, as before Linux 6.15."""
    number = wire.family_number(info.family)
    messages = kernel.dump(action, wire.NFT_MSG_GETSETELEM, number, elements.set_reference(info))
    return sum(1 for message in messages for _item in split_list(element_list(info, message)))


@without_gc
def dump_counted(family: str, table: str, names: Iterable[str]) -> dict[str, list[CountedElement]]:
    """Return the elements of each set that exists, each key once.

    Packets add elements meanwhile, so one that came or went during the call may be missing.
    """
    number = wire.family_number(family)
    dumped = {}
    with Connection() as kernel:
        for name in names:
            try:
                info = read_set(kernel, family, table, name)
                messages = kernel.dump(
                    f"reading the elements of {info}", wire.NFT_MSG_GETSETELEM, number, elements.set_reference(info)
                )
            except errors.NoSuchObject:
                continue
            items = (item for message in messages for item in split_list(element_list(info, message)))
            dumped[name] = list({element.key: element for element in (_counted(info, item) for item in items)}.values())
    return dumped


def get_counted(family: str, table: str, name: str, keys: Sequence[bytes]) -> list[CountedElement | None] | None:
    """Return the element of each key, None where there is none; None for all without such a set with such keys."""
    with Connection() as kernel:
        try:
            info = read_set(kernel, family, table, name)
        except errors.NoSuchObject:
            return None
        if any(len(key) != info.key_len for key in keys):
            return None
        requests = (
            elements.set_reference(info) + next(elements.list_attributes([elements.element_attribute(key)]))
            for key in keys
        )
        answers = kernel.ask_each(
            f"reading elements of {info}", wire.NFT_MSG_GETSETELEM, wire.family_number(family), requests
        )
        return [None if answer is None else _counted(info, element_list(info, answer)) for answer in answers]


def _counted(info: SetInfo, item: bytes) -> CountedElement:
    raw = decode_element(info, item)
    timeout = raw.timeout if raw.timeout is not None else info.timeout
    idle = 0 if raw.expires is None or timeout is None else max(0, timeout - raw.expires)
    ((_kind, body),) = wire.parse_list(item)
    packets, size = _counter(wire.parse_attributes(body))
    left = None if raw.expires is None else raw.expires / 1000
    return CountedElement(raw.key, packets, idle / 1000, size, left)


def _counter(attributes: dict[int, bytes]) -> tuple[int, int]:
    """Return packets and bytes of an element's counter, whose only statement it is or one of several."""
    statements = [attributes[_EXPR]] if _EXPR in attributes else []
    statements += [body for _kind, body in wire.parse_list(attributes.get(_EXPRESSIONS, b""))]
    for statement in map(wire.parse_attributes, statements):
        if wire.text(statement, _EXPR_NAME) == "counter":
            data = wire.parse_attributes(statement[_EXPR_DATA])
            return wire.number(data, wire.NFTA_COUNTER_PACKETS, 8), wire.number(data, wire.NFTA_COUNTER_BYTES, 8)
    return 0, 0
