# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.sequence import common


def longest(left: str, right: str) -> int:
    """The length of a longest common subsequence, the slow and plain way."""
    above = [0] * (len(right) + 1)
    for item in left:
        row = [0]
        for at, other in enumerate(right):
            row.append(above[at] + 1 if item == other else max(row[-1], above[at + 1]))
        above = row
    return above[-1]


@given(st.text("abcde", max_size=25), st.text("abcde", max_size=25))
def test_is_common_ascending_and_longest(left: str, right: str) -> None:
    shared = common(left, right)
    assert all(left[one] == right[other] for one, other in shared)
    assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(shared))
    assert len(shared) == longest(left, right)


def test_thousands_of_rules_take_no_time() -> None:
    rules = [f"rule {number}" for number in range(20_000)]
    edited = [*rules[5000:], "new", *rules[:5000]]
    assert len(common(rules, edited)) == 15_000
