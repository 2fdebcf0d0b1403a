# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many elements at once mean the same as one by one, byte for byte, or are left to that."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import decode, elements, literals, many, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    Layout,
    SetInfo,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.difference import difference, merge
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import Element
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MalformedMessage, UnknownLiteral
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.test_elements import declared

IPV4, IPV6 = 7, 8
TREE4, TREE6 = declared(NFT_SET_INTERVAL, IPV4, 4), declared(NFT_SET_INTERVAL, IPV6, 16)
HASH4, HASH6 = declared(0, IPV4, 4), declared(0, IPV6, 16)
SETS = pytest.mark.parametrize("info", [TREE4, TREE6, HASH4, HASH6], ids=["tree4", "tree6", "hash4", "hash6"])

# Few of the bits differ, so that lines meet, touch and repeat.
NUMBERS = st.integers(0, 15) | st.integers(2**32 - 16, 2**32 - 1)


def line(info: SetInfo, number: int, length: int | None) -> str:
    base = str(ipaddress.ip_address(number if info.key_len == 4 else number << 96 | number))
    return base if length is None else f"{base}/{length + (96 if info.key_len == 16 else 0)}"


def one_by_one(info: SetInfo, lines: list[str]) -> list[Element] | None:
    """What the slow way makes of them; None where the quick one shall not try."""
    try:
        found = sorted(literals.read_all(info, lines))
    except UnknownLiteral:
        return None
    apart = all(one.end < other.start for one, other in pairwise(found))
    plain = info.layout is Layout.TREE or not any("/" in one for one in lines)
    return found if apart and plain and found[-1].end != b"\xff" * info.key_len else None


@SETS
@given(data=st.data())
def test_lines_mean_what_they_mean_one_by_one(info: SetInfo, data: st.DataObject) -> None:
    lengths = st.none() | st.integers(26, 32)
    lines = [line(info, *one) for one in data.draw(st.lists(st.tuples(NUMBERS, lengths), min_size=1, max_size=8))]
    found = many.read_many(info, "\n".join(lines).encode())
    wanted = one_by_one(info, lines)
    assert (None if found is None else list(found)) == wanted
    if found is not None:
        slow = list(elements.lists(elements.encode(info, found)))
        assert list(many.lists(info, found)) == slow
        sent = wire.parse_list(slow[0])[0][1]
        assert many.decode(info, as_kernel(info, sent)) == found


def as_kernel(info: SetInfo, sent: bytes) -> bytes:
    """The kernel sends the highest first."""
    items = [item + bytes(-len(item) % 4) for item in decode.split(sent)]
    return b"".join(reversed(items))


@pytest.mark.parametrize(
    "text",
    [
        "", "*",  "10.0.0.1\u00b2", "10.0.0.1-10.0.0.9", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/028", "10.0.0.0/-",
        "10.0.0.0/8/8\n10.0.0.9",
        "10.0.0.1 ", "localhost", "2001:db8::1", "10.0.0.0/8\n10.1.0.0/16", "10.0.0.1\n10.0.0.1", "255.255.255.255",
        "10.0.0.1 timeout 5s", "10.0.0.1\n\n10.0.0.2",
    ],
)  # fmt: skip
def test_what_is_not_plainly_apart_is_left_to_the_slow_way(text: str) -> None:
    assert many.read_many(TREE4, text.encode()) is None


def test_networks_that_touch_are_apart_but_where_they_merge() -> None:
    merging = TREE4.__class__(**{**TREE4.__dict__, "auto_merge": True})
    touching = b"10.0.0.0/25\n10.0.0.128/25"
    assert many.read_many(TREE4, touching) is not None
    assert many.read_many(merging, touching) is None
    apart = b"10.0.0.0/25\n10.0.1.128/25"
    assert list(many.read_many(merging, apart) or ()) == merge(
        literals.read_all(merging, apart.decode().split("\n")), 4
    )


def test_networks_are_no_elements_of_a_set_of_addresses() -> None:
    assert many.read_many(HASH4, b"10.0.0.0/28\n10.0.0.16/28") is None
    assert many.read_many(HASH4, b"10.0.0.9\n10.0.0.1") is not None


COMMENTED = elements.encode(TREE4, [Element(b"\x0a\0\0\x09", b"\x0a\0\0\x0a", comment="nine")])
OPEN = elements.encode(TREE4, [Element(b"\xf0\0\0\0", b"\xff\xff\xff\xff")])
PLAIN = Element(b"\x0a\0\0\0", b"\x0a\0\0\x07")


@pytest.mark.parametrize("odd", [next(COMMENTED), next(OPEN)], ids=["comment", "open end"])
def test_a_dump_with_more_than_keys_is_left_to_the_slow_way(odd: bytes) -> None:
    plain = next(elements.encode(TREE4, [PLAIN]))
    assert many.decode(TREE4, as_kernel(TREE4, plain)) is not None
    assert many.decode(TREE4, as_kernel(TREE4, plain + odd)) is None
    assert many.decode(TREE4, as_kernel(TREE4, odd + plain)) is None


def test_the_end_that_nft_puts_at_the_lowest_key_is_no_element() -> None:
    lowest = elements.element_attribute(bytes(4), elements.INTERVAL_END)
    listed = as_kernel(TREE4, lowest + next(elements.encode(TREE4, [PLAIN])))
    assert list(many.decode(TREE4, listed) or ()) == [PLAIN]
    higher = elements.element_attribute(b"\0\0\0\x05", elements.INTERVAL_END)
    assert many.decode(TREE4, as_kernel(TREE4, higher + next(elements.encode(TREE4, [PLAIN])))) is None


@given(cut=st.integers(0, 79), by=st.integers(0, 255))
@example(cut=0, by=0)
def test_a_dump_that_was_damaged_is_never_another_set_without_the_slow_way_agreeing(cut: int, by: int) -> None:
    sent = as_kernel(TREE4, b"".join(elements.encode(TREE4, [PLAIN, Element(b"\x0b\0\0\0", b"\x0b\0\0\xff")])))
    assert len(sent) == 80
    damaged = sent[:cut] + bytes([by]) + sent[cut + 1 :]
    try:
        quick = many.decode(TREE4, damaged)
    except MalformedMessage:
        return
    if quick is not None:
        assert list(quick) == decode.assemble(TREE4, decode.decode_list(TREE4, damaged))


def test_the_difference_of_many_is_that_of_each() -> None:
    have = many.read_many(TREE4, b"10.0.0.0/28\n10.0.1.0/28\n10.0.2.0/28")
    want = many.read_many(TREE4, b"10.0.0.0/28\n10.0.1.0/27\n10.0.3.0/28")
    assert have is not None
    assert want is not None
    assert difference(TREE4, have, want) == difference(TREE4, list(have), list(want))
    assert difference(TREE4, have, have) == ([], [])
    assert have != want
    each = list(have)
    assert (have[0], have[-1], have[1:]) == (each[0], each[-1], each[1:])
