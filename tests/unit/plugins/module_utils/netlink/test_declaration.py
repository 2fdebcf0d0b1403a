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
    NFT_SET_MAP,
    SetInfo,
    parse_set,
    require_supported,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MalformedMessage, UnsupportedSet
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes


def parsed(**attributes: str) -> SetInfo:
    """A set from attributes in hexadecimal by number: a3="00000004" is the flags."""
    by_number = {1: b"t\0", 2: b"s\0", 16: bytes(7) + b"\7"}
    by_number.update({int(name[1:]): bytes.fromhex(value) for name, value in attributes.items()})
    return parse_set("inet", by_number)


def test_a_plain_interval_set() -> None:
    info = parsed(a3="00000004", a4="00000007", a5="00000004", a13="000402000000", a9="", a20="00000002")
    assert (info.version, info.key_len, info.is_interval, info.is_concatenated) == (4, 4, True, False)
    assert (info.handle, info.count, info.size, info.words) == (7, 2, None, ("interval",))
    assert (info.auto_merge, info.comment, info.highest_key) == (False, None, b"\xff\xff\xff\xff")
    assert str(info) == "set inet t s"
    assert parsed(a4="00000008", a5="00000010").version == 6


def test_userdata_of_nft_has_auto_merge_and_comment() -> None:
    info = parsed(a3="00000004", a4="00000007", a5="00000004", a13="0004020000000204010000000706612073657400")
    assert (info.auto_merge, info.comment) == (True, "a set")


CONCATENATED = {
    "dynamic": {"a3": "00000030", "a4": "001cc358", "a5": "00000010", "a9": "080001000000ffff"},
    "intervals": {
        "a3": "00000084", "a4": "0000730d", "a5": "0000000c",
        "a9": "280002000c00010008000100000000040c00010008000100000000010c0001000800010000000002",
    },
    "intervals without field lengths": {"a3": "00000004", "a4": "000001cd", "a5": "00000008"},
    "types that nft does not have": {
        "a3": "00000084", "a4": "00000007", "a5": "00000008",
        "a9": "1c0002000c00010008000100000000040c0001000800010000000004",
    },
}  # fmt: skip


@pytest.mark.parametrize("attributes", CONCATENATED.values(), ids=CONCATENATED)
def test_concatenations_are_left_to_nft(attributes: dict[str, str]) -> None:
    info = parsed(**attributes)
    assert (info.is_concatenated, info.version) == (True, 0)
    with pytest.raises(UnsupportedSet, match="is a concatenation"):
        require_supported(info)


def test_timeouts_and_size_and_counter_of_a_dynamic_set() -> None:
    info = parsed(
        a3="00000030", a4="001cc358", a5="00000010", a11="0000000005265c00", a12="00000fa0", a9="080001000000ffff",
        a17="0c000100636f756e74657200",
    )  # fmt: skip
    assert (info.timeout, info.gc_interval, info.size) == (86_400_000, 4000, 65535)
    assert (info.statements, info.words) == (True, ("dynamic", "timeout"))


def test_keys_that_are_not_addresses_have_no_version() -> None:
    assert parsed(a4="0000001c", a5="00000004").version == 0
    assert parsed(a4="00000007", a5="00000010").version == 0


def test_maps_are_left_to_nft() -> None:
    info = parsed(a3=f"{NFT_SET_MAP:08x}", a4="00000007", a5="00000004")
    with pytest.raises(UnsupportedSet, match="is a map"):
        require_supported(info)


@pytest.mark.parametrize("attributes", [{"a4": "00000007"}, {"a5": "00000000"}, {"a5": "00000041"}, {"a5": "04"}])
def test_a_declaration_that_contradicts_itself_is_an_error(attributes: dict[str, str]) -> None:
    with pytest.raises(MalformedMessage):
        parsed(**attributes)


@given(st.dictionaries(st.integers(0, 22), st.binary(max_size=48)))
def test_any_attributes_give_a_set_or_a_typed_error(attributes: dict[int, bytes]) -> None:
    valid = wire.parse_attributes(set_attributes("s", 4, 7, 4))
    for by_number in (attributes, {**valid, **attributes}):
        with contextlib.suppress(MalformedMessage):
            parse_set("inet", by_number)
