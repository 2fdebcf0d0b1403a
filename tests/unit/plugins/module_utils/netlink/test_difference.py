# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Union and difference of elements, against the same done key by key."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.declaration import NFT_SET_TIMEOUT, parse_set
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.difference import difference, merge
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.elements import Element
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.netlink.fake_kernel import set_attributes

PLAIN = parse_set("inet", wire.parse_attributes(set_attributes("s", NFT_SET_TIMEOUT, 12, 1)))
HOUR = parse_set(
    "inet",
    wire.parse_attributes(
        set_attributes("s", NFT_SET_TIMEOUT, 12, 1) + wire.attribute(11, (3_600_000).to_bytes(8, "big"))
    ),
)
PAIRS = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted), max_size=12)


def made(pairs: list[list[int]]) -> list[Element]:
    return [Element(bytes([first]), bytes([last])) for first, last in pairs]


@given(PAIRS)
def test_a_union_holds_the_same_keys_in_as_few_intervals_as_can_be(pairs: list[list[int]]) -> None:
    merged = [(element.start[0], element.end[0]) for element in merge(made(pairs), 1)]
    assert {key for first, last in merged for key in range(first, last + 1)} == {
        key for first, last in pairs for key in range(first, last + 1)
    }
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(merged))


@given(PAIRS, PAIRS)
def test_have_less_what_goes_and_with_what_comes_is_want(have: list[list[int]], want: list[list[int]]) -> None:
    add, delete = difference(PLAIN, made(have), made(want))
    assert (set(made(have)) - set(delete)) | set(add) == set(made(want))
    assert not set(add) & set(made(have))
    assert set(delete) <= set(made(have))


def test_another_comment_or_timeout_is_another_element() -> None:
    have = Element(b"\1", b"\1", 5000, 4000, "a")
    assert difference(PLAIN, [have], [have._replace(expires=None)]) == ([], [])
    assert difference(PLAIN, [have], [have._replace(timeout=None)]) == ([], [])
    for want in (have._replace(comment="b"), have._replace(comment=None), have._replace(timeout=6000)):
        assert difference(PLAIN, [have], [want]) == ([want], [have])


def test_the_sets_own_timeout_is_not_kept_with_the_element() -> None:
    have = Element(b"\1", b"\1", None, 17)
    assert difference(HOUR, [have], [Element(b"\1", b"\1", 3_600_000)]) == ([], [])
    assert difference(PLAIN, [have], [Element(b"\1", b"\1", 0)]) == ([], [])
    want = Element(b"\1", b"\1", 0)
    assert difference(HOUR, [have], [want]) == ([want], [have])
