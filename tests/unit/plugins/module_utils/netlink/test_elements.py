# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements to bytes and back, single keys and intervals, byte for byte as nft has the kernel keep them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import decode, elements, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    NFT_SET_TIMEOUT,
    SetInfo,
    parse_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import CATCH_ALL, Element
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import BadElement, MalformedMessage
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes

IPV4, SERVICE, PROTO = 7, 13, 12


def declared(flags: int, key_type: int, key_len: int) -> SetInfo:
    return parse_set("inet", wire.parse_attributes(set_attributes("s", flags, key_type, key_len)))


HASH = declared(NFT_SET_TIMEOUT, IPV4, 4)
TREE = declared(NFT_SET_INTERVAL | NFT_SET_TIMEOUT, PROTO, 1)
TREE4 = declared(NFT_SET_INTERVAL | NFT_SET_TIMEOUT, IPV4, 4)
TREE2 = declared(NFT_SET_INTERVAL, SERVICE, 2)

EXTRAS = st.tuples(
    st.none() | st.integers(0, (1 << 63) - 1),
    st.none() | st.integers(0, (1 << 63) - 1),
    st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30),
)


@st.composite
def intervals(draw: st.DrawFn) -> list[Element]:
    """Disjoint intervals of one-byte keys, some adjacent, some at either end, in any order."""
    edges = sorted(draw(st.sets(st.integers(0, 255), max_size=12)))
    drawn = []
    for first, following in zip(edges[::2], [*edges[2::2], 256], strict=False):
        last = draw(st.integers(first, following - 1))
        drawn.append(Element(bytes([first]), bytes([last]), *draw(EXTRAS)))
    return draw(st.permutations(drawn))


def there_and_back(info: SetInfo, sent: list[Element]) -> list[Element]:
    """The elements that the kernel would send back."""
    lists = list(elements.list_attributes(elements.encode(info, sent)))
    raws = [raw for part in lists for raw in decode.decode_list(info, wire.parse_list(part)[0][1])]
    raws.reverse()  # the kernel sends the highest first
    return decode.assemble(info, raws)


@given(intervals())
def test_intervals_come_back(drawn: list[Element]) -> None:
    assert there_and_back(TREE, drawn) == sorted(drawn, key=lambda element: element.start)


@given(st.dictionaries(st.binary(min_size=4, max_size=4), EXTRAS, max_size=8))
def test_single_keys_come_back(keys: dict[bytes, tuple[int | None, int | None, str | None]]) -> None:
    drawn = [Element(key, key, *extras) for key, extras in keys.items()]
    assert there_and_back(HASH, drawn) == sorted(drawn, key=lambda element: element.start)


def test_the_catch_all_comes_back() -> None:
    star = Element(CATCH_ALL, CATCH_ALL, None, None, "rest")
    assert there_and_back(HASH, [star, Element(b"abcd", b"abcd")])[0] == star
    assert there_and_back(TREE4, [star, Element(b"abcd", b"bbcd")]) == [star, Element(b"abcd", b"bbcd")]


# What nft 0.9.8, 1.0.6 and 1.1.3 made the kernel keep, read off with a dump, without the padding around it.
GOLDEN = [
    (TREE4, "10.0.0.0/8 comment", Element(b"\x0a\0\0\0", b"\x0a\xff\xff\xff", comment="hello"),
     [{1: "080001000a000000", 6: "000668656c6c6f00"}, {1: "080001000b000000", 3: "00000001"}]),
    (TREE4, "up to the highest", Element(b"\xfa\0\0\0", b"\xff\xff\xff\xff", comment="last"),
     [{1: "08000100fa000000", 6: "00056c61737400010401000000"}]),
    (TREE2, "1024-65535", Element(b"\x04\x00", b"\xff\xff"), [{1: "0600010004000000", 6: "010401000000"}]),
    (TREE2, "80", Element(b"\x00\x50", b"\x00\x50"),
     [{1: "0600010000500000"}, {1: "0600010000510000", 3: "00000001"}]),
    (TREE4, "5m", Element(bytes(4), b"\x00\xff\xff\xff", 300_000),
     [{1: "0800010000000000", 4: "00000000000493e0"}, {1: "0800010001000000", 3: "00000001"}]),
    (HASH, "10.0.0.2", Element(b"\x0a\0\0\2", b"\x0a\0\0\2", comment="c"), [{1: "080001000a000002", 6: "00026300"}]),
    (HASH, "*", Element(CATCH_ALL, CATCH_ALL), [{3: "00000002"}]),
]  # fmt: skip


@pytest.mark.parametrize(("info", "_name", "element", "kept"), GOLDEN, ids=[row[1] for row in GOLDEN])
def test_the_bytes_are_nfts(info: SetInfo, _name: str, element: Element, kept: list[dict[int, str]]) -> None:
    attributes = [
        {kind: value.hex() for kind, value in wire.parse_list(body)}
        for _kind, body in wire.parse_list(b"".join(elements.encode(info, [element])))
    ]
    assert attributes == kept


def test_a_deletion_names_keys_only() -> None:
    long = Element(b"\xfa\0\0\0", b"\xff\xff\xff\xff", 5, 4, "note")
    raws = decode.decode_list(TREE4, b"".join(elements.encode(TREE4, [long], keys_only=True)))
    assert raws == [decode.RawElement(b"\xfa\0\0\0", 0, None, None, None)]


def test_a_hundred_thousand_elements_go_into_lists_under_64_kilobytes() -> None:
    many = [Element(key, key) for key in (number.to_bytes(4, "big") for number in range(0, 300_000, 3))]
    lists = list(elements.list_attributes(elements.encode(TREE4, many)))
    assert max(map(len, lists)) <= 0x10000
    assert len(lists) == -(-100_000 // (0xFFFB // 40))
    assert there_and_back(TREE4, many) == many


def test_an_end_without_a_start_is_no_element_and_a_start_ends_the_interval_before() -> None:
    def raw(key: int, flags: int = 0) -> decode.RawElement:
        return decode.RawElement(bytes([key]), flags, None, None, None)

    edges = [raw(9), raw(7), raw(5, 1), raw(3, 1), raw(0, 1)]
    assert decode.assemble(TREE, edges) == [Element(b"\7", b"\x08"), Element(b"\x09", b"\xff")]
    assert decode.assemble(TREE, [raw(4), raw(4), raw(6, 1)]) == [Element(b"\4", b"\5")]


def test_a_key_is_not_read_from_another_attribute() -> None:
    """Two elements alike in all but four bytes that look like a key and are none."""

    def odd(note: bytes, key: bytes) -> bytes:
        value = elements.key_attribute(1, key)
        return wire.attribute(1, wire.attribute(6, note) + value)

    data = odd(b"\0\2a\0abcd", b"abcd") + odd(b"\0\2a\0wxyz", b"abcd")
    assert [raw.key for raw in decode.decode_list(HASH, data)] == [b"abcd", b"abcd"]


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_key_of_another_length_is_an_error(size: int) -> None:
    with pytest.raises(MalformedMessage, match="without a key of 4 bytes"):
        decode.decode_list(HASH, elements.element_attribute(b"k" * size + b"" if size else b"x"))


def test_a_list_of_something_else_is_an_error() -> None:
    with pytest.raises(MalformedMessage, match="another attribute"):
        decode.decode_list(HASH, wire.attribute(2, b"abcd"))


@pytest.mark.parametrize(
    ("info", "element", "says"),
    [
        (HASH, Element(b"abc", b"abc"), "has not the 4 bytes"),
        (HASH, Element(b"abcd", b"abce"), "no flag interval"),
        (TREE4, Element(b"abcd", b"abcc"), "ends before it begins"),
        (TREE2, Element(b"ab", b"ab", 1000), "no flag timeout"),
        (HASH, Element(b"abcd", b"abcd", -1), "out of range"),
        (HASH, Element(b"abcd", b"abcd", 1 << 63), "out of range"),
        (HASH, Element(b"abcd", b"abcd", None, None, "x" * 128), "127 bytes"),
        (HASH, Element(b"abcd", b"abcd", None, None, "ü" * 64), "127 bytes"),
        (HASH, Element(b"abcd", b"abcd", None, None, "a\0b"), "zero"),
        (HASH, Element(b"abcd", b"abcd", None, None, ""), "empty"),
    ],
)
def test_what_a_set_cannot_hold_is_named(info: SetInfo, element: Element, says: str) -> None:
    with pytest.raises(BadElement, match=says):
        elements.check_elements(info, [element])


def test_keys_have_neighbours() -> None:
    assert elements.next_key(b"\x00\xff") == b"\x01\x00"
    assert elements.next_key(b"\xff\xff") is None
    assert elements.previous_key(b"\x01\x00") == b"\x00\xff"
