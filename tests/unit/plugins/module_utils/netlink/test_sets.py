# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of sets as three releases of nft make the kernel keep them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    NFT_SET_MAP,
    Layout,
    SetInfo,
    parse_set,
    require_plain,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MalformedMessage, UnsupportedSet
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes


def parsed(**attributes: str) -> SetInfo:
    """A set from attributes in hexadecimal by number: a3="00000004" is the flags."""
    given_ = {1: b"t\0", 2: b"s\0", 16: bytes(7) + b"\7"}
    given_.update({int(name[1:]): bytes.fromhex(value) for name, value in attributes.items()})
    return parse_set("inet", given_)


def test_a_plain_interval_set() -> None:
    info = parsed(a3="00000004", a4="00000007", a5="00000004", a13="000402000000", a9="", a20="00000002")
    assert (info.types, info.lengths, info.layout) == (("ipv4_addr",), (4,), Layout.TREE)
    assert (info.handle, info.count, info.size, info.words) == (7, 2, None, ("interval",))
    assert (info.auto_merge, info.comment, info.host_order) == (False, None, False)
    assert str(info) == "set inet t s"


def test_notes_of_nft_tell_auto_merge_comment_and_byte_order() -> None:
    info = parsed(a3="00000004", a4="00000007", a5="00000004", a13="0004020000000204010000000706612073657400")
    assert (info.auto_merge, info.comment) == (True, "a set")
    assert parsed(a4="00000013", a5="00000004", a13="000401000000").host_order


def test_timeouts_and_size_and_counter_of_a_dynamic_set() -> None:
    info = parsed(
        a3="00000030", a4="001cc358", a5="00000010", a11="0000000005265c00", a12="00000fa0", a9="080001000000ffff",
        a17="0c000100636f756e74657200",
    )  # fmt: skip
    assert info.types == ("ipv4_addr", "inet_proto", "inet_service", "uid")
    assert (info.lengths, info.layout) == ((4, 1, 2, 4), Layout.HASH)
    assert (info.timeout, info.gc_interval, info.size) == (86_400_000, 4000, 65535)
    assert (info.statements, info.words) == (True, ("dynamic", "timeout"))


def test_concatenated_intervals_have_their_lengths_from_the_kernel() -> None:
    concat = "280002000c00010008000100000000040c00010008000100000000010c0001000800010000000002"
    info = parsed(a3="00000084", a4="0000730d", a5="0000000c", a9=concat)
    assert (info.lengths, info.layout) == ((4, 1, 2), Layout.RANGES)


def test_a_type_that_is_not_known_still_has_keys() -> None:
    info = parsed(a4="0000001c", a5="00000004")
    assert (info.types, info.lengths) == (("",), (4,))


def test_maps_and_intervals_without_field_lengths_are_left_to_nft() -> None:
    with pytest.raises(UnsupportedSet, match="a map"):
        require_plain(parsed(a3=f"{NFT_SET_MAP:08x}", a4="00000007", a5="00000004"))
    with pytest.raises(UnsupportedSet, match="without field lengths"):
        require_plain(parsed(a3=f"{NFT_SET_INTERVAL:08x}", a4="000001cd", a5="00000008"))


@pytest.mark.parametrize(
    "attributes",
    [{"a4": "00000007"}, {"a5": "00000000"}, {"a5": "00000041"}, {"a4": "000001cd", "a5": "00000009"}, {"a5": "04"}],
)
def test_a_declaration_that_contradicts_itself_is_an_error(attributes: dict[str, str]) -> None:
    with pytest.raises(MalformedMessage):
        parsed(**attributes)


@given(st.dictionaries(st.integers(0, 22), st.binary(max_size=48)))
def test_any_attributes_give_a_set_or_a_typed_error(attributes: dict[int, bytes]) -> None:
    right = wire.parse_attributes(set_attributes("s", 4, 7, 4))
    for given_ in (attributes, {**right, **attributes}):
        with contextlib.suppress(MalformedMessage):
            parse_set("inet", given_)
