# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's text of an element to keys and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import (
    NFT_SET_INTERVAL,
    SetInfo,
    parse_set,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import (
    CATCH_ALL,
    Element,
    check_elements,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.errors import UnknownLiteral, UnsupportedSet
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.text import (
    duration,
    element_text,
    read_all,
    reader,
    show,
    show_any,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.wire import parse_attributes
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes


def declared(flags: int, key_type: int, key_len: int) -> SetInfo:
    return parse_set("inet", parse_attributes(set_attributes("s", flags, key_type, key_len)))


HASH4, HASH6 = declared(0, 7, 4), declared(0, 8, 16)
INTERVALS4, INTERVALS6 = declared(NFT_SET_INTERVAL, 7, 4), declared(NFT_SET_INTERVAL, 8, 16)

# set, text, first key, last key when it is another, the text that nft lists when it is another
ROWS = [
    (HASH4, "10.1.2.3", "0a010203", None, None),
    (HASH4, "*", "", None, None),
    (INTERVALS4, "10.1.2.3", "0a010203", None, None),
    (INTERVALS4, "10.1.2.3/8", "0a000000", "0affffff", "10.0.0.0/8"),
    (INTERVALS4, "10.1.2.3/32", "0a010203", None, "10.1.2.3"),
    (INTERVALS4, "0.0.0.0/0", "00000000", "ffffffff", None),
    (INTERVALS4, "10.0.0.0-10.0.0.2", "0a000000", "0a000002", None),
    (INTERVALS4, "10.0.0.0-10.0.0.3", "0a000000", "0a000003", "10.0.0.0/30"),
    (INTERVALS4, "10.0.0.1-10.0.0.4", "0a000001", "0a000004", None),
    (INTERVALS4, " 10.0.0.1 - 10.0.0.4 ", "0a000001", "0a000004", "10.0.0.1-10.0.0.4"),
    (INTERVALS6, "2001:DB8::/32", "20010db8" + "0" * 24, "20010db8" + "f" * 24, "2001:db8::/32"),
    (HASH6, "::ffff:1.2.3.4", "0" * 20 + "ffff01020304", None, None),
    (INTERVALS6, "::/0", "0" * 32, "f" * 32, None),
]


@pytest.mark.parametrize(("info", "text", "start", "end", "listed"), ROWS, ids=[row[1] for row in ROWS])
def test_texts_have_the_keys_that_nft_gives_them(
    info: SetInfo, text: str, start: str, end: str | None, listed: str | None
) -> None:
    element = reader(info)(text)
    assert (element.start.hex(), element.end.hex()) == (start, end or start)
    assert show(info, element) == (listed or text)
    check_elements(info, [element])


@pytest.mark.parametrize(
    ("info", "text"),
    [
        *[
            (INTERVALS4, text)
            for text in (
                *("", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8/8", "::1"),
                *("10.0.0.2-10.0.0.1", "10.0.0.1-", "10.0.0.0/²", "mirror", "10.0.0.1\0", "*/8", "10.0.0.0/08"),
                *("10.0.0.1 . 80", "tcp", "10.0.0.1 timeout 1h"),
            )
        ],
        (HASH4, "10.0.0.0/8"),
        (HASH4, "10.0.0.0-10.0.0.1"),
        (INTERVALS6, "2001:db8::/129"),
        (INTERVALS6, "fe80::1%eth0"),
        (INTERVALS6, "10.0.0.1"),
    ],
)
def test_texts_that_nft_has_to_judge_are_unknown(info: SetInfo, text: str) -> None:
    with pytest.raises(UnknownLiteral):
        reader(info)(text)


@pytest.mark.parametrize(
    "info",
    [declared(0, 13, 2), declared(0, 7 << 6 | 13, 8), declared(NFT_SET_INTERVAL, 7 << 6 | 7, 8), declared(0, 7, 16)],
    ids=["services", "concatenation", "concatenation of addresses", "addresses of another length"],
)
def test_sets_of_other_keys_are_left_to_nft(info: SetInfo) -> None:
    with pytest.raises(UnsupportedSet):
        reader(info)
    assert show_any(info, Element(b"\1\2", b"\3\4")) == "0x0102-0x0304"
    assert show_any(info, Element(b"\1\2", b"\1\2")) == "0x0102"


@pytest.mark.parametrize("info", [INTERVALS4, INTERVALS6], ids=["ipv4", "ipv6"])
@given(data=st.data())
def test_the_text_of_an_element_means_the_same_element(info: SetInfo, data: st.DataObject) -> None:
    key = st.binary(min_size=info.key_len, max_size=info.key_len)
    first, last = sorted(data.draw(st.tuples(key, key)))
    element = Element(first, last)
    assert read_all(info, [show(info, element)]) == [element]


@given(st.text(max_size=30))
def test_any_text_is_an_element_or_unknown(text: str) -> None:
    with contextlib.suppress(UnknownLiteral):
        check_elements(INTERVALS4, [reader(INTERVALS4)(text)])


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0s"), (1, "1ms"), (1000, "1s"), (90_061_001, "1d1h1m1s1ms"), (8.64e7 * 30, "30d")]
)
def test_times_are_written_as_nft_writes_them(milliseconds: int, text: str) -> None:
    assert duration(int(milliseconds)) == text


def test_an_element_with_everything_that_it_can_have() -> None:
    network = Element(b"\x0a\0\0\0", b"\x0a\xff\xff\xff", 90_061_001, 500, "why")
    assert element_text(INTERVALS4, network) == '10.0.0.0/8 timeout 1d1h1m1s1ms expires 500ms comment "why"'
    assert element_text(INTERVALS4, Element(CATCH_ALL, CATCH_ALL)) == "*"
