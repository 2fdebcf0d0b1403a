# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's text of an element to keys and back."""

from __future__ import annotations

import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import field_types as types
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    SetInfo,
    parse_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import Element, check
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import UnknownLiteral, UnsupportedSet
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.literals import read_all, reader, show, show_any
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes


def of_types(*names: str, interval: bool = False, size: int = 0, host_order: bool = False) -> SetInfo:
    kinds = [types.BY_NAME[name] for name in names]
    sizes = tuple(kind.size or size for kind in kinds)
    code = 0
    for kind in kinds:
        code = code << 6 | kind.code
    width = sizes[0] if len(sizes) == 1 else sum((one + 3) & ~3 for one in sizes)
    declaration = set_attributes(
        "s", NFT_SET_INTERVAL if interval else 0, code, width, sizes if interval and len(sizes) > 1 else ()
    )
    note = wire.attribute(13, b"\0\4" + (1 if host_order else 2).to_bytes(4, sys.byteorder))
    return parse_set("inet", wire.parse_attributes(declaration + note))


HOST = sys.byteorder == "little"
MARK_1 = "01000000" if HOST else "00000001"
UID_1003 = "eb030000" if HOST else "000003eb"

ROWS = [
    (of_types("ipv4_addr"), "10.1.2.3", "0a010203", None, None),
    (of_types("ipv4_addr"), "*", "", None, None),
    (of_types("ipv4_addr", interval=True), "10.1.2.3", "0a010203", None, None),
    (of_types("ipv4_addr", interval=True), "10.1.2.3/8", "0a000000", "0affffff", "10.0.0.0/8"),
    (of_types("ipv4_addr", interval=True), "10.1.2.3/32", "0a010203", None, "10.1.2.3"),
    (of_types("ipv4_addr", interval=True), "0.0.0.0/0", "00000000", "ffffffff", None),
    (of_types("ipv4_addr", interval=True), "10.0.0.0-10.0.0.2", "0a000000", "0a000002", None),
    (of_types("ipv4_addr", interval=True), "10.0.0.0-10.0.0.3", "0a000000", "0a000003", "10.0.0.0/30"),
    (of_types("ipv4_addr", interval=True), "10.0.0.1-10.0.0.4", "0a000001", "0a000004", None),
    (of_types("ipv4_addr", interval=True), " 10.0.0.1 - 10.0.0.4 ", "0a000001", "0a000004", "10.0.0.1-10.0.0.4"),
    (of_types("ipv6_addr", interval=True), "2001:DB8::/32", "20010db8" + "0" * 24, "20010db8" + "f" * 24,
     "2001:db8::/32"),
    (of_types("ipv6_addr"), "::ffff:1.2.3.4", "0" * 20 + "ffff01020304", None, None),
    (of_types("ipv6_addr", interval=True), "::/0", "0" * 32, "f" * 32, None),
    (of_types("inet_service", interval=True), "1024-65535", "0400", "ffff", None),
    (of_types("inet_service"), "443", "01bb", None, None),
    (of_types("inet_proto"), "tcp", "06", None, None),
    (of_types("inet_proto"), "6", "06", None, "tcp"),
    (of_types("inet_proto"), "ipv6-icmp", "3a", None, "58"),
    (of_types("inet_proto", interval=True), "tcp-20", "06", "14", "6-20"),
    (of_types("mark"), "0x1", MARK_1, None, "0x00000001"),
    (of_types("mark", interval=True), "0x1-0x100", "00000001", "00000100", "0x00000001-0x00000100"),
    (of_types("uid"), "1003", UID_1003, None, None),
    (of_types("gid", interval=True), "1003-1004", "000003eb", "000003ec", None),
    (of_types("ether_addr"), "0:1:2:AA:bb:cc", "000102aabbcc", None, "00:01:02:aa:bb:cc"),
    (of_types("ifname"), '"eth0"', "65746830" + "0" * 24, None, None),
    (of_types("ifname"), "eth0", "65746830" + "0" * 24, None, '"eth0"'),
    (of_types("integer", size=2), "5", "0005", None, None),
    (of_types("integer", size=2, host_order=True), "5", "0500" if HOST else "0005", None, None),
    (of_types("integer", size=2, host_order=True, interval=True), "5-6", "0005", "0006", None),
    (of_types("ipv4_addr", "inet_proto", "inet_service"), "10.0.0.1 . tcp . 443", "0a0000010600000001bb0000", None,
     None),
    (of_types("ipv4_addr", "inet_proto", "inet_service", interval=True), "10.0.0.0/8 . tcp . 443-444",
     "0a0000000600000001bb0000", "0affffff0600000001bc0000", None),
    (of_types("mark", "ipv4_addr"), "0x1 . 1.2.3.4", MARK_1 + "01020304", None, "0x00000001 . 1.2.3.4"),
    (of_types("mark", "ipv4_addr", interval=True), "0x1-0x2 . 1.2.3.4", "0000000101020304", "0000000201020304",
     "0x00000001-0x00000002 . 1.2.3.4"),
]  # fmt: skip


@pytest.mark.parametrize(("info", "text", "start", "end", "listed"), ROWS, ids=[row[1] for row in ROWS])
def test_texts_have_nfts_keys(info: SetInfo, text: str, start: str, end: str | None, listed: str | None) -> None:
    element = reader(info)(text)
    assert (element.start.hex(), element.end.hex()) == (start, end or start)
    assert show(info, element) == (listed or text)
    check(info, [element])


@pytest.mark.parametrize(
    ("info", "text"),
    [
        *[
            (of_types("ipv4_addr", interval=True), text)
            for text in (
                *("", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::1"),
                *("10.0.0.2-10.0.0.1", "10.0.0.1-", "10.0.0.0/²", "mirror", "10.0.0.1\0", "*/8", "10.0.0.0/08"),
            )
        ],
        (of_types("ipv4_addr"), "10.0.0.0/8"),
        (of_types("ipv4_addr"), "10.0.0.0-10.0.0.1"),
        (of_types("ipv6_addr", interval=True), "2001:db8::/129"),
        (of_types("ipv6_addr", interval=True), "fe80::1%eth0"),
        (of_types("inet_service"), "https"),
        (of_types("inet_service"), "65536"),
        (of_types("inet_service"), "-1"),
        (of_types("inet_service"), "0443"),
        (of_types("inet_service"), "٣"),
        (of_types("inet_proto"), "256"),
        (of_types("inet_proto"), "nosuch"),
        (of_types("mark"), "0x1ffffffff"),
        (of_types("ether_addr"), "00:11:22:33:44"),
        (of_types("ifname"), '"averyverylongname"'),
        (of_types("ifname"), "eth*"),
        (of_types("ipv4_addr", "inet_service"), "10.0.0.1"),
        (of_types("ipv4_addr", "inet_service"), "10.0.0.1 . 1 . 2"),
        (of_types("ipv4_addr", "inet_service"), "10.0.0.1 . 1-2"),
    ],
)
def test_texts_that_nft_has_to_judge_are_refused(info: SetInfo, text: str) -> None:
    with pytest.raises(UnknownLiteral):
        reader(info)(text)


@pytest.mark.parametrize(
    "info",
    [
        of_types("ifname", interval=True),
        parse_set("inet", wire.parse_attributes(set_attributes("s", 0, 28, 4))),
        parse_set("inet", wire.parse_attributes(set_attributes("s", 0, 4 << 6 | 7, 8))),
        parse_set("inet", wire.parse_attributes(set_attributes("s", 0, 7, 16))),
    ],
)
def test_sets_of_other_types_are_left_to_nft(info: SetInfo) -> None:
    with pytest.raises(UnsupportedSet):
        reader(info)
    assert show_any(info, Element(b"\1\2", b"\3\4")) == "0x0102-0x0304"


@pytest.mark.parametrize("name", ["ipv4_addr", "ipv6_addr", "inet_service", "mark", "uid", "inet_proto", "ether_addr"])
@given(data=st.data())
def test_what_is_shown_is_read_again(name: str, data: st.DataObject) -> None:
    info = of_types(name, interval=True)
    pair = sorted(data.draw(st.tuples(*[st.binary(min_size=info.key_len, max_size=info.key_len)] * 2)))
    element = Element(pair[0], pair[1])
    assert read_all(info, [show(info, element)]) == [element]


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for info in (of_types("ipv4_addr", interval=True), of_types("inet_proto", "inet_service", interval=True)):
        with contextlib.suppress(UnknownLiteral):
            check(info, [reader(info)(text)])


def test_protocols_of_this_host_are_known(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    class File:
        def read_text(self, *_arguments: str) -> str:
            return "# comment\nhomemade 250 HOMEMADE # ours\nbroken x\n\nfar 999\n"

    types._protocols.cache_clear()
    monkeypatch.setattr(types, "_ETC_PROTOCOLS", File())
    info = of_types("inet_proto")
    assert [one.start for one in read_all(info, ["homemade", "tcp"])] == [b"\xfa", b"\6"]
    with pytest.raises(UnknownLiteral):
        reader(info)("far")
    types._protocols.cache_clear()
