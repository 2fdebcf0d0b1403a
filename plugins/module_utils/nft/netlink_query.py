# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which elements a set has: all of them, or those that contain given keys."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import netlink_elements as elements
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import netlink_wire as wire
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_collector import paused
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_decode import Raw, assemble, decode_message
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_elements import Element
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_errors import BadElement, MalformedMessage
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_set import Layout, SetInfo, require_plain
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_socket import Connection


@paused
def dump_elements(info: SetInfo) -> list[Element]:
    """All elements, sorted by key; read again when somebody commits meanwhile.

    The kernel's own work grows with the square of the number of intervals: 0.2 s for 100,000, a minute for a million.
    """
    require_plain(info)
    with Connection() as kernel:
        request = elements.address(info)
        number = wire.family_number(info.family)
        answers = kernel.dump(f"reading the elements of {info}", wire.NFT_MSG_GETSETELEM, number, request)
    return assemble(info, [raw for answer in answers for raw in decode_message(info, answer)])


def get_elements(info: SetInfo, keys: Sequence[bytes]) -> list[Element | None]:
    """For each key the element that contains it, None where there is none; no dump, about 0.01 ms a key."""
    with Connection() as kernel:
        return read_elements(kernel, info, keys)


def read_elements(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[Element | None]:
    """As get_elements, over an open connection."""
    require_plain(info)
    for key in keys:
        if len(key) not in (info.key_len, len(elements.CATCH_ALL)):
            raise BadElement(f"{info}: key {key.hex()} has not the {info.key_len} bytes of the set's keys")
    starts = covering(kernel, info, keys)
    if info.layout is not Layout.TREE:
        return [raw and Element(raw.key, raw.key_end or raw.key, *raw[3:]) for raw in starts]
    ends = _ends(kernel, info, keys, starts)
    return [None if raw is None or end is None else Element(raw.key, end, *raw[3:]) for raw, end in zip(starts, ends)]


def covering(kernel: Connection, info: SetInfo, keys: Sequence[bytes]) -> list[Raw | None]:
    """For each key the element that contains it, of a plain interval its start element; CATCH_ALL only for itself."""
    return [raw if raw is None or not raw.flags & elements.INTERVAL_END else None for raw in _get(kernel, info, keys)]


def _ends(kernel: Connection, info: SetInfo, keys: Sequence[bytes], starts: Sequence[Raw | None]) -> list[bytes | None]:
    """The last key of the interval that each key lies in.

    Asked for the end at a key inside an interval, the kernel tells that interval's end (seen on Linux 6.18). Before,
    it told whatever lies at exactly that key, else the next end: where the answer is not beyond our key, the key after
    ours is asked for, and there either of the two bounds our interval. No answer: the interval has no end.
    """
    inside = [place for place, raw in enumerate(starts) if raw is not None and keys[place]]
    edges: list[Raw | None] = [None] * len(keys)
    for place, edge in zip(inside, _get(kernel, info, [keys[place] for place in inside], elements.INTERVAL_END)):
        edges[place] = edge
    again = {place: elements.after(keys[place]) for place in inside if _not_beyond(edges[place], keys[place])}
    asked = {place: key for place, key in again.items() if key is not None}
    for place, edge in zip(asked, _get(kernel, info, list(asked.values()), elements.INTERVAL_END)):
        edges[place] = edge
    top = covering(kernel, info, [b"\xff" * info.key_len])[0]
    return [_end(info, *one, top) for one in zip(keys, starts, edges)]


def _not_beyond(edge: Raw | None, key: bytes) -> bool:
    return edge is not None and edge.key <= key


def _end(info: SetInfo, key: bytes, start: Raw | None, edge: Raw | None, top: Raw | None) -> bytes | None:
    if start is None or key == elements.CATCH_ALL:
        return start and key
    if edge is not None and edge.key > key:
        return elements.before(edge.key)
    highest = b"\xff" * info.key_len
    if key == highest or (edge is None and top is not None and top.key == start.key):
        return highest
    raise MalformedMessage(f"netlink: {info}: no end comes after {key.hex()}, which lies in an interval")


def _get(kernel: Connection, info: SetInfo, keys: Sequence[bytes], flags: int = 0) -> list[Raw | None]:
    doing = f"reading elements of {info}"
    address = elements.address(info)
    ranges = info.layout is Layout.RANGES
    requests = (
        address + next(elements.lists([elements.element_attribute(key, flags, last=key if ranges else None)]))
        for key in keys
    )
    answers = kernel.ask_each(doing, wire.NFT_MSG_GETSETELEM, wire.family_number(info.family), requests)
    found: list[Raw | None] = []
    for answer in answers:
        raws = [None] if answer is None else decode_message(info, answer)
        if len(raws) != 1:
            raise MalformedMessage(f"{doing}: {len(raws)} elements came for one key")
        found.append(raws[0])
    return found
