# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells against the users of each service, one service at a time."""

from __future__ import annotations

from operator import and_, or_

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import cells
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.intervals import Intervals, normalise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.units import ELSEWHERE, at

# Neighbours at the ends and around the borders of halves, quarters and smaller parts of the line.
BORDERS = sorted(
    {
        place
        for border in (0, 64, 65536, cells.LINE // 2, cells.LINE)
        for place in range(border - 17, border + 17)
        if 0 <= place < cells.LINE
    }
)
USERS = [0b1, 0b110, ~0b10, cells.EVERYBODY]
lines = st.lists(st.tuples(st.sampled_from(BORDERS), st.integers(0, 20)), max_size=4).map(
    lambda pairs: normalise((first, min(first + more, cells.LINE - 1)) for first, more in pairs)
)
made = st.lists(st.tuples(lines, st.sampled_from(USERS)), max_size=4)


def union(given_lines: list[tuple[Intervals, int]]) -> cells.Cell:
    cell = cells.EMPTY
    for line, users in given_lines:
        cell = cells.combined(or_, cell, cells.of_line(line, cells.leaf(users)), {})
    return cell


@given(made, made)
def test_operations_are_those_on_the_users_of_each_service(
    left: list[tuple[Intervals, int]], right: list[tuple[Intervals, int]]
) -> None:
    one, two = union(left), union(right)
    for operation in (or_, and_, cells.without):
        result = cells.combined(operation, one, two, {})
        for place in BORDERS:
            assert cells.at(result, place) == operation(cells.at(one, place), cells.at(two, place))


@given(made)
def test_each_set_has_one_form_and_is_read_back(given_lines: list[tuple[Intervals, int]]) -> None:
    cell = union(given_lines)
    assert union(given_lines[::-1]) == cell
    line = normalise(pair for own, _users in given_lines for pair in own)
    assert cells.line(cell) == line
    changes = {0} | {place for own, _users in given_lines for start, end in own for place in (start, end + 1)}
    assert cells.users([cell]) == {cells.at(cell, place) for place in changes if place < cells.LINE}
    assert cells.mapped(cell, lambda users: -(at(users, ELSEWHERE) >> 1 & 1), {}) == cells.of_line(
        normalise(pair for own, users in given_lines if users >> 1 & 1 for pair in own), cells.ALL
    )
