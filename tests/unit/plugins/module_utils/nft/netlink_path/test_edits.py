# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that came and went between two texts."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import edits
from ansible_collections.tidegate.nftables.tests.support.growth import fastest

LINES = st.lists(st.sampled_from([b"a", b"aa", b"b", b"", b"ab", b"b" * 300]), max_size=12)


@pytest.fixture(params=[2, 1 << 14], ids=["short sight", "as it is"])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "WINDOW", request.param)


@pytest.mark.usefixtures("window")
def test_whatever_happened_the_lines_add_up() -> None:
    @given(LINES, LINES)
    def check(before: list[bytes], after: list[bytes]) -> None:
        old, new = b"\n".join(before), b"\n".join(after)
        had, has = Counter(old.split(b"\n") if old else ()), Counter(new.split(b"\n") if new else ())
        actual = edits.edits(old, new, 100)
        assert actual is not None
        assert (Counter(actual[0]), Counter(actual[1])) == (had - has, has - had)

    check()


def test_too_many_are_given_up() -> None:
    old, new = (b"\n".join(b"%d" % number for number in range(first, first + 50)) for first in (0, 100))
    assert edits.edits(old, new, 99) is None
    assert edits.edits(old, new, 100) is not None
    assert edits.edits(old, old, 0) == ([], [])


def test_few_of_very_many_cost_little() -> None:
    """Less than making sets of the lines, which is what it is there to save."""
    lines = [b"10.%d.%d.%d/32" % (n >> 16 & 255, n >> 8 & 255, n & 255) for n in range(200_000)]
    gone = set(random.Random(1).sample(range(len(lines)), 100))
    old, new = b"\n".join(lines), b"\n".join(line for place, line in enumerate(lines) if place not in gone)
    changed, by_sets = edits.edits(old, new, 1000), set(old.split(b"\n")) - set(new.split(b"\n"))
    assert changed is not None
    assert (set(changed[0]), changed[1]) == (by_sets, [])
    slow = fastest(lambda: set(old.split(b"\n")) - set(new.split(b"\n")), 0)
    assert fastest(lambda: edits.edits(old, new, 1000), slow) < slow
