# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many elements at once are the same as one by one, byte for byte, or are left to that way."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import decode, elements, plain_elements, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    SetInfo,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.difference import difference, merge
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import Element
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MalformedMessage, UnknownLiteral
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.text import read_all
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
    """The elements read one by one; None for lines that are not read at once."""
    try:
        single = sorted(read_all(info, lines))
    except UnknownLiteral:
        return None
    apart = all(first.end < second.start for first, second in pairwise(single))
    plain = info.is_interval or not any("/" in text for text in lines)
    return single if apart and plain and single[-1].end != info.highest_key else None


@SETS
@given(data=st.data())
def test_lines_mean_what_they_mean_one_by_one(info: SetInfo, data: st.DataObject) -> None:
    lengths = st.none() | st.integers(26, 32)
    lines = [line(info, *one) for one in data.draw(st.lists(st.tuples(NUMBERS, lengths), min_size=1, max_size=8))]
    plain = plain_elements.read_plain(info, "\n".join(lines).encode())
    assert (None if plain is None else list(plain)) == one_by_one(info, lines)
    if plain is not None:
        single = list(elements.list_attributes(elements.encode(info, plain)))
        assert list(plain_elements.encode_lists(info, plain)) == single
        sent = wire.parse_list(single[0])[0][1]
        assert plain_elements.decode_lists(info, as_kernel(info, sent)) == plain


def as_kernel(info: SetInfo, sent: bytes) -> bytes:
    """The kernel sends the highest first."""
    items = [item + bytes(-len(item) % 4) for item in decode.split_list(sent)]
    return b"".join(reversed(items))


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "10.0.0.1\u00b2", "10.0.0.1-10.0.0.9", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/028", "10.0.0.0/-",
        "10.0.0.0/8/8\n10.0.0.9",
        "10.0.0.1 ", "localhost", "2001:db8::1", "10.0.0.0/8\n10.1.0.0/16", "10.0.0.1\n10.0.0.1", "255.255.255.255",
        "10.0.0.1 timeout 5s", "10.0.0.1\n\n10.0.0.2",
    ],
)  # fmt: skip
def test_lines_that_are_not_plain_or_overlap_are_left_to_the_other_way(text: str) -> None:
    assert plain_elements.read_plain(TREE4, text.encode()) is None


def test_networks_that_touch_are_plain_unless_they_merge() -> None:
    merging = TREE4.__class__(**{**TREE4.__dict__, "auto_merge": True})
    touching = b"10.0.0.0/25\n10.0.0.128/25"
    assert plain_elements.read_plain(TREE4, touching) is not None
    assert plain_elements.read_plain(merging, touching) is None
    apart = b"10.0.0.0/25\n10.0.1.128/25"
    assert list(plain_elements.read_plain(merging, apart) or ()) == merge(
        read_all(merging, apart.decode().split("\n")), 4
    )


def test_networks_are_no_elements_of_a_set_of_addresses() -> None:
    assert plain_elements.read_plain(HASH4, b"10.0.0.0/28\n10.0.0.16/28") is None
    assert plain_elements.read_plain(HASH4, b"10.0.0.9\n10.0.0.1") is not None


COMMENTED = elements.encode(TREE4, [Element(b"\x0a\0\0\x09", b"\x0a\0\0\x0a", comment="nine")])
OPEN = elements.encode(TREE4, [Element(b"\xf0\0\0\0", b"\xff\xff\xff\xff")])
PLAIN = Element(b"\x0a\0\0\0", b"\x0a\0\0\x07")


@pytest.mark.parametrize("odd", [next(COMMENTED), next(OPEN)], ids=["comment", "open end"])
def test_a_dump_with_more_than_keys_is_left_to_the_other_way(odd: bytes) -> None:
    plain = next(elements.encode(TREE4, [PLAIN]))
    assert plain_elements.decode_lists(TREE4, as_kernel(TREE4, plain)) is not None
    assert plain_elements.decode_lists(TREE4, as_kernel(TREE4, plain + odd)) is None
    assert plain_elements.decode_lists(TREE4, as_kernel(TREE4, odd + plain)) is None


def test_the_end_that_nft_puts_at_the_lowest_key_is_no_element() -> None:
    lowest = elements.element_attribute(bytes(4), elements.INTERVAL_END)
    items = as_kernel(TREE4, lowest + next(elements.encode(TREE4, [PLAIN])))
    assert list(plain_elements.decode_lists(TREE4, items) or ()) == [PLAIN]
    higher = elements.element_attribute(b"\0\0\0\x05", elements.INTERVAL_END)
    assert plain_elements.decode_lists(TREE4, as_kernel(TREE4, higher + next(elements.encode(TREE4, [PLAIN])))) is None


@given(cut=st.integers(0, 79), by=st.integers(0, 255))
@example(cut=0, by=0)
def test_a_damaged_dump_is_read_as_the_other_way_reads_it_or_not_at_all(cut: int, by: int) -> None:
    sent = as_kernel(TREE4, b"".join(elements.encode(TREE4, [PLAIN, Element(b"\x0b\0\0\0", b"\x0b\0\0\xff")])))
    assert len(sent) == 80
    damaged = sent[:cut] + bytes([by]) + sent[cut + 1 :]
    try:
        plain = plain_elements.decode_lists(TREE4, damaged)
    except MalformedMessage:
        return
    if plain is not None:
        assert list(plain) == decode.assemble(TREE4, decode.decode_list(TREE4, damaged))


def test_the_difference_of_plain_elements_is_that_of_single_ones() -> None:
    live = plain_elements.read_plain(TREE4, b"10.0.0.0/28\n10.0.1.0/28\n10.0.2.0/28")
    desired = plain_elements.read_plain(TREE4, b"10.0.0.0/28\n10.0.1.0/27\n10.0.3.0/28")
    assert live is not None
    assert desired is not None
    assert difference(TREE4, live, desired) == difference(TREE4, list(live), list(desired))
    assert difference(TREE4, live, live) == ([], [])
    assert live != desired
    single = list(live)
    assert (live[0], live[-1], live[1:]) == (single[0], single[-1], single[1:])
