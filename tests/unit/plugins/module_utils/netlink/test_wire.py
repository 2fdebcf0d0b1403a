# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages from the kernel are parsed strictly: any bytes give a value or MalformedMessage."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import MalformedMessage, NetlinkError

PAIRS = st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=8)
RAW_MESSAGES = st.lists(
    st.builds(
        wire.Message,
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=50).map(lambda payload: payload + bytes(-len(payload) % 4)),
    ),
    max_size=5,
)


@given(PAIRS)
def test_attributes_come_back_as_written(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(wire.attribute(kind, value) for kind, value in pairs)
    assert len(data) % 4 == 0
    assert wire.parse_list(data) == pairs


@given(RAW_MESSAGES)
def test_messages_come_back_as_written(messages: list[wire.Message]) -> None:
    data = b"".join(wire.message(message.type, message.flags, message.seq, message.payload) for message in messages)
    assert wire.parse_messages(data) == messages


@given(RAW_MESSAGES.filter(bool), st.data())
def test_a_cut_datagram_is_an_error_or_whole_messages(messages: list[wire.Message], data: st.DataObject) -> None:
    whole = b"".join(wire.message(message.type, message.flags, message.seq, message.payload) for message in messages)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with contextlib.suppress(MalformedMessage):
        assert wire.parse_messages(cut) == messages[: len(wire.parse_messages(cut))]


@given(PAIRS.filter(bool), st.data())
def test_cut_attributes_are_an_error_or_whole_ones(pairs: list[tuple[int, bytes]], data: st.DataObject) -> None:
    whole = b"".join(wire.attribute(kind, value) for kind, value in pairs)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        prefix = wire.parse_list(cut)
    except MalformedMessage:
        return
    # only padding may be missing from what was read
    assert prefix == pairs[: len(prefix)]


@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer_or_a_typed_error(data: bytes) -> None:
    for parse in (wire.parse_messages, wire.parse_list, wire.parse_attributes, wire.parse_userdata):
        with contextlib.suppress(MalformedMessage):
            parse(data)


@given(st.builds(wire.Message, st.just(2), st.integers(0, 0xFFFF), st.integers(0, 9), st.binary(max_size=80)))
def test_any_error_message_gives_an_answer_or_a_typed_error(received: wire.Message) -> None:
    for parse in (wire.parse_error, wire.parse_done, lambda message: wire.nft_payload(message, 0)):
        with contextlib.suppress(MalformedMessage):
            parse(received)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x03\x00\x01\x00", "claims 3 bytes"),
        (b"\x00\x00\x01\x00", "claims 0 bytes"),
        (b"\xff\xff\x01\x00abcd", "claims 65535 bytes"),
        (b"\x08\x00", "2 bytes where an attribute header"),
    ],
)
def test_a_length_that_cannot_be_is_named(data: bytes, says: str) -> None:
    with pytest.raises(MalformedMessage, match=says):
        wire.parse_list(data)


def test_an_attribute_that_comes_twice_is_an_error() -> None:
    with pytest.raises(MalformedMessage, match="twice"):
        wire.parse_attributes(wire.attribute(1, b"a") + wire.attribute(1, b"b"))


def test_an_attribute_over_64_kilobytes_is_not_written() -> None:
    assert len(wire.attribute(1, bytes(65531))) == 65536
    with pytest.raises(ValueError, match="65535"):
        wire.attribute(1, bytes(65532))


@pytest.mark.parametrize("value", [b"", b"abc", b"a\0b\0"])
def test_a_string_without_its_end_is_an_error(value: bytes) -> None:
    with pytest.raises(MalformedMessage, match="zero-terminated"):
        wire.text({1: value}, 1)


def test_a_name_that_is_no_text_does_not_stop_the_listing() -> None:
    assert wire.text({1: b"a\xff\0"}, 1) == "a\\xff"


@pytest.mark.parametrize("attributes", [{}, {1: b""}, {1: b"\0\0\1"}, {1: b"\0\0\0\0\1"}])
def test_an_integer_of_another_size_is_an_error(attributes: dict[int, bytes]) -> None:
    with pytest.raises(MalformedMessage, match="4 expected"):
        wire.number(attributes, 1, 4)


def test_an_error_tells_text_and_place_after_a_whole_quote_and_a_capped_one() -> None:
    request = wire.message(0x0A01, 5, 9, b"abcdefgh")
    details = wire.attribute(1, b"no such thing\0") + wire.attribute(2, struct.pack("=I", 24))
    whole = wire.Message(2, wire.NLM_F_ACK_TLVS, 9, struct.pack("=i", -2) + request + details)
    capped = wire.Message(2, wire.NLM_F_ACK_TLVS | wire.NLM_F_CAPPED, 9, struct.pack("=i", -2) + request[:16] + details)
    assert wire.parse_error(whole) == wire.parse_error(capped) == wire.KernelAnswer(2, "no such thing", 24)


def test_families_have_nfts_names_and_others_their_number() -> None:
    assert [wire.family_name(number) for number in (1, 2, 3, 5, 7, 10, 12)] == [
        *("inet", "ip", "arp", "netdev", "bridge", "ip6", "12")
    ]
    with pytest.raises(NetlinkError, match="'inet4'"):
        wire.family_number("inet4")


def test_foreign_notes_on_an_object_are_passed_over() -> None:
    assert wire.parse_userdata(b"\x00\x03ab\0\x01\x01x") == {0: b"ab\0", 1: b"x"}
    assert wire.parse_userdata(b"\x00\x09ab") == {}
    assert wire.parse_userdata(b"\x00") == {}
