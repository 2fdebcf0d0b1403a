# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers over a socket that fails in every way: a right answer or a typed error, nothing else."""

from __future__ import annotations

import contextlib
import errno
import itertools
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import connection as netlink_socket
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import declaration as sets
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors, read_elements, ruleset, wire
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import (
    FakeKernel,
    FakeSocket,
    error_message,
    nft_answer,
    tree,
    u32,
)

HELD = [(1, 5), (6, 6), (8, 200), (250, 255)]


def ask_everything(kernel: FakeKernel) -> list[object]:
    """Every kind of question, over sockets of this kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netlink_socket, "open_socket", kernel.open)
        patch.setattr(netlink_socket, "_DUMP_PAUSE_SECONDS", 0.0)
        return [
            ruleset.generation(),
            ruleset.table_handle("inet", "t"),
            ruleset.table_names(),
            sets.get_set("inet", "t", "s"),
            read_elements.dump_elements(kernel.info),
            read_elements.get_elements(kernel.info, [bytes([key]) for key in range(256)]),
        ]


RIGHT = ask_everything(tree(HELD))


def test_the_questions_have_the_right_answers() -> None:
    number, handle, names, info, dumped, got = RIGHT
    assert (number, handle, names) == (5, 3, [("inet", "t"), ("ip", "t"), ("77", "t")])
    assert info == tree(HELD).info
    assert isinstance(dumped, list)
    assert isinstance(got, list)
    assert [(element.start[0], element.end[0]) for element in dumped] == HELD
    assert [element and (element.start[0], element.end[0]) for element in got] == [
        next(((first, last) for first, last in HELD if first <= key <= last), None) for key in range(256)
    ]


def test_kernels_that_look_for_ends_in_another_way_give_the_same_answers() -> None:
    assert ask_everything(tree(HELD, old_get=True)) == RIGHT


def right_or_refused(kernel: FakeKernel) -> None:
    with contextlib.suppress(errors.NetlinkError):
        assert ask_everything(kernel) == RIGHT


@given(st.integers(0, 12), st.integers(1, 400))
def test_a_cut_datagram_never_gives_a_wrong_answer(place: int, cut: int) -> None:
    def tamper(answers: list[bytes]) -> list[bytes]:
        return [
            answer[: max(0, len(answer) - cut)] if number == place else answer for number, answer in enumerate(answers)
        ]

    right_or_refused(tree(HELD, tamper=tamper))


@given(st.permutations(range(6)), st.integers(0, 3))
def test_reordered_and_lost_datagrams_never_give_a_wrong_answer(order: list[int], lost: int) -> None:
    def tamper(answers: list[bytes]) -> list[bytes]:
        shuffled = [answers[place] for place in order if place < len(answers)] + answers[6:]
        return shuffled[: len(shuffled) - lost]

    right_or_refused(tree(HELD, tamper=tamper))


@given(st.integers(0, 8), st.integers(0, 60), st.integers(0, 255))
def test_a_length_that_lies_never_gives_a_wrong_answer(place: int, offset: int, value: int) -> None:
    """Every length field there is: of messages, attributes, elements and keys."""

    def tamper(answers: list[bytes]) -> list[bytes]:
        damaged = list(answers)
        if place < len(damaged):
            lengths = _length_offsets(damaged[place])
            at = lengths[offset % len(lengths)]
            damaged[place] = damaged[place][:at] + bytes([value]) + damaged[place][at + 1 :]
        return damaged

    right_or_refused(tree(HELD, tamper=tamper))


def _length_offsets(datagram: bytes) -> list[int]:
    """Where the lengths of messages and attributes are in a datagram, nested ones too."""
    offsets, offset = [], 0
    for message in wire.parse_messages(datagram):
        offsets.append(offset)
        if message.type >> 8 == wire.NFNL_SUBSYS_NFTABLES:
            offsets += _attribute_offsets(datagram, offset + 20, offset + 16 + len(message.payload), 0)
        offset += 16 + len(message.payload)
    return offsets


def _attribute_offsets(data: bytes, offset: int, end: int, depth: int) -> list[int]:
    offsets = []
    while offset + 4 <= end:
        length, kind = struct.unpack_from("=HH", data, offset)
        if not 4 <= length <= end - offset:
            return []
        offsets.append(offset)
        if depth or kind & 0x3FFF in (3, 9):
            offsets += _attribute_offsets(data, offset + 4, offset + length, depth + 1)
        offset += (length + 3) & ~3
    return offsets


@given(st.lists(st.binary(max_size=120), max_size=4))
def test_any_bytes_as_answers_give_a_typed_error(answers: list[bytes]) -> None:
    with pytest.raises(errors.NetlinkError):
        ask_everything(tree(HELD, tamper=lambda _right: answers))


def one_answer(*datagrams: bytes) -> FakeKernel:
    return tree([], tamper=lambda _right: list(datagrams))


def generation_of(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(netlink_socket, "open_socket", kernel.open)
    return ruleset.generation()


def test_a_generation_comes_without_more_and_without_less(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = nft_answer(wire.NFT_MSG_NEWGEN, 1, u32(1, 0xFFFFFFFF))
    assert generation_of(one_answer(answer, error_message(1, 0)), monkeypatch) == 0xFFFFFFFF
    with pytest.raises(errors.MalformedMessage, match="0 answers"):
        generation_of(one_answer(error_message(1, 0)), monkeypatch)
    with pytest.raises(errors.MalformedMessage, match="2 answers"):
        generation_of(one_answer(answer, answer, error_message(1, 0)), monkeypatch)
    with pytest.raises(errors.MalformedMessage, match="request 2"):
        generation_of(one_answer(error_message(2, 0)), monkeypatch)
    with pytest.raises(errors.MalformedMessage, match="in place of nf_tables"):
        generation_of(one_answer(nft_answer(wire.NFT_MSG_NEWTABLE, 1, b""), error_message(1, 0)), monkeypatch)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (errno.EPERM, errors.MissingCapability, "no_cap_net_admin"),
        (errno.EINVAL, errors.NoNfTables, "no_nf_tables"),
        (errno.EOPNOTSUPP, errors.NoNfTables, "no_nf_tables"),
        (errno.ENOBUFS, errors.BufferOverrun, "not_applied"),
        (errno.ENOMEM, errors.NetlinkError, "rejected_by_nft"),
    ],
)
def test_what_the_kernel_refuses_has_a_type(
    error: int, kind: type[errors.NetlinkError], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind, match="reading the ruleset's generation") as caught:
        generation_of(one_answer(error_message(1, error)), monkeypatch)
    assert caught.value.reason == reason


@pytest.mark.parametrize("error", [errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT])
def test_a_kernel_without_netfilter_sockets_is_named(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: int) -> socket.socket:
        raise OSError(error, "no")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(errors.NoNfTables, match="no nf_tables"):
        netlink_socket.open_socket()


def test_a_full_receive_buffer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.BufferOverrun, match="overflowed"):
        generation_of(tree([], receive_errors=[errno.ENOBUFS]), monkeypatch)
    with pytest.raises(errors.BufferOverrun, match="overflowed"):
        generation_of(one_answer(wire.message(wire.NLMSG_OVERRUN, 0, 1, b"")), monkeypatch)


def test_silence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.NetlinkError, match="did not answer"):
        generation_of(one_answer(), monkeypatch)


def test_what_another_process_sends_to_our_port_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tree([])
    fake = FakeSocket(kernel)
    fake.slip_in(nft_answer(wire.NFT_MSG_NEWGEN, 1, u32(1, 666)), sender=4242)
    fake.slip_in(wire.message(wire.NLMSG_NOOP, 0, 77, b""))
    monkeypatch.setattr(netlink_socket, "open_socket", lambda: fake)
    assert ruleset.generation() == 5
    assert fake.closed


def test_a_datagram_that_the_socket_cut_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSocket(tree([]))
    fake.slip_in(nft_answer(wire.NFT_MSG_NEWGEN, 1, u32(1, 6)), flags=socket.MSG_TRUNC)
    monkeypatch.setattr(netlink_socket, "open_socket", lambda: fake)
    with pytest.raises(errors.MalformedMessage, match="truncated"):
        ruleset.generation()


def test_answers_to_many_questions_come_in_their_order_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps the order; a missing answer must not pass for an element that is not there."""
    keys = [bytes([key]) for key in (1, 7, 8)]
    orders = [*itertools.permutations(range(5)), (1, 3, 4), (0, 1, 2, 4), (0, 1, 3, 4), (2, 3, 4), (0, 0, 1, 2, 3, 4)]
    right = 0
    for order in orders:
        kernel = tree(
            HELD, tamper=lambda answers, order=order: [answers[place] for place in order if place < len(answers)]
        )
        monkeypatch.setattr(netlink_socket, "open_socket", kernel.open)
        with netlink_socket.Connection() as connection:
            try:
                raws = read_elements.covering(connection, kernel.info, keys)
            except errors.NetlinkError:
                continue
        assert [raw and raw.key[0] for raw in raws] == [1, None, 8]
        right += 1
    assert right == 1


def test_elements_of_another_set_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(answers: list[bytes]) -> list[bytes]:
        return [answer.replace(b"s\0", b"z\0") for answer in answers]

    monkeypatch.setattr(netlink_socket, "open_socket", tree(HELD, tamper=other).open)
    with pytest.raises(errors.MalformedMessage, match="elements of set t z"):
        read_elements.dump_elements(tree(HELD).info)
    with pytest.raises(errors.MalformedMessage, match="t z"):
        sets.get_set("inet", "t", "s")


def test_the_cookie_is_none_where_the_kernel_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(netlink_socket.netns_cookie(), int)
    monkeypatch.setattr(netlink_socket, "_SO_NETNS_COOKIE_GENERIC", 9999)
    assert netlink_socket.netns_cookie() is None
