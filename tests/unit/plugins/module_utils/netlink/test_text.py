# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes as nft text."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.change import Change
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import parse_set
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import CATCH_ALL, Element
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.text import (
    duration,
    element_text,
    transaction_text,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.wire import parse_attributes
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes

INFO = parse_set("inet", parse_attributes(set_attributes("s", 0x14, 7, 4)))
NETWORK = Element(b"\x0a\0\0\0", b"\x0a\xff\xff\xff", 90_061_001, 500, "why")
HOST = Element(b"\x0b\0\0\1", b"\x0b\0\0\1")


@pytest.mark.parametrize(
    ("milliseconds", "words"), [(0, "0s"), (1, "1ms"), (1000, "1s"), (90_061_001, "1d1h1m1s1ms"), (8.64e7 * 30, "30d")]
)
def test_times_are_nfts(milliseconds: int, words: str) -> None:
    assert duration(int(milliseconds)) == words


def test_an_element_with_all_it_can_have() -> None:
    assert element_text(INFO, NETWORK) == '10.0.0.0/8 timeout 1d1h1m1s1ms expires 500ms comment "why"'
    assert element_text(INFO, Element(CATCH_ALL, CATCH_ALL)) == "*"


def test_a_change_is_flush_then_delete_then_add() -> None:
    change = Change(INFO, [HOST], [NETWORK])
    assert transaction_text([change, Change(INFO), Change(INFO, [HOST], flush=True)]) == (
        "delete element inet t s { 10.0.0.0/8 }\n"
        "add element inet t s { 11.0.0.1 }\n"
        "flush set inet t s\n"
        "add element inet t s { 11.0.0.1 }\n"
    )
    assert transaction_text([Change(INFO)]) == ""
