# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import IntervalSet
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import element_intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import element

FIRST = int(ipaddress.ip_address("192.0.2.0"))
ranges = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 12)), max_size=6)


def members(pairs: list[tuple[int, int]]) -> set[int]:
    return {number for start, more in pairs for number in range(start, start + more + 1)}


def union(pairs: list[tuple[int, int]], kind: str) -> IntervalSet:
    texts = []
    for start, more in pairs:
        if kind == "port":
            texts.append(f"{start}-{start + more}")
        else:
            texts.append("-".join(str(ipaddress.ip_address(FIRST + number)) for number in (start, start + more)))
    interval_set = element_intervals.union([element(text) for text in texts])
    assert interval_set is not None
    return interval_set


def values(interval_set: IntervalSet, kind: str) -> set[int]:
    offset = 0 if kind == "port" else FIRST
    return {number - offset for first, last in interval_set.intervals for number in range(first, last + 1)}


@pytest.mark.parametrize("kind", ["port", "address"])
@given(left=ranges, right=ranges)
def test_unions_are_sets_of_numbers(kind: str, left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    first, second = union(left, kind), union(right, kind)
    assert values(first, kind) == members(left)
    assert values(first.minus(second), kind) == members(left) - members(right)
    assert (first.intervals == second.intervals) == (members(left) == members(right))
    assert all(a[1] + 1 < b[0] for a, b in zip(first.intervals, first.intervals[1:], strict=False))
    again = element_intervals.union([element(text) for text in first.texts()])
    assert again is not None
    assert again.intervals == first.intervals


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["10.0.0.0/25", "10.0.0.128/25"], ["10.0.0.0/24"]),
        (["10.0.0.5-10.0.0.7", "10.0.0.8"], ["10.0.0.5-10.0.0.8"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]),
        (["2001:DB8::/33", "2001:db8:8000::/33"], ["2001:db8::/32"]),
        (["::1"], ["::1"]),
        (["22", "80-90", "91"], ["22", "80-91"]),
    ],
)
def test_texts_are_as_nft_lists_them(texts: list[str], shown: list[str]) -> None:
    interval_set = element_intervals.union([element(text) for text in texts])
    assert interval_set is not None
    assert interval_set.texts() == shown


@pytest.mark.parametrize("texts", [["tcp"], ["10.0.0.1", "::1"], ['10.0.0.1 comment "x"'], ["10.0.0.1 . 80"], ["eth0"]])
def test_what_is_no_plain_interval_has_no_union(texts: list[str]) -> None:
    assert element_intervals.union([element(text) for text in texts]) is None


def test_covers() -> None:
    elements = [element(text) for text in ("10.0.0.0/8", "192.0.2.1-192.0.2.9", "2001:db8::/32", "1-100")]
    assert element_intervals.covers(elements, "10.1.0.0/16") == "10.0.0.0/8"
    assert element_intervals.covers(elements, "192.0.2.9") == "192.0.2.1-192.0.2.9"
    assert element_intervals.covers(elements, "192.0.2.9-192.0.2.10") is None
    assert element_intervals.covers(elements, "2001:db8::1") == "2001:db8::/32"
    assert element_intervals.covers(elements, "22") == "1-100"
    assert element_intervals.covers(elements, "eth0") is None


def test_elements_are_sorted_by_value() -> None:
    texts = ["wg0", "10.0.0.10", "10.0.0.9", "2001:db8::", "9", "10", "10.0.0.0/8"]
    ordered = sorted((element(text) for text in texts), key=element_intervals.order)
    assert [item.canon for item in ordered] == [
        "9",
        "10",
        "10.0.0.0/8",
        "10.0.0.9",
        "10.0.0.10",
        "2001:db8::",
        "wg0",
    ]
