# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever waits is told how far it is, and not more often than people read."""

from __future__ import annotations

from itertools import count

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.progress import reported


def test_it_says_how_far_it_is_every_few_seconds() -> None:
    lines: list[str] = []
    seconds = count()
    assert list(reported(range(6), 6, "hosts", lines.append, clock=lambda: float(next(seconds)))) == list(range(6))
    assert lines == ["2 of 6 hosts", "4 of 6 hosts"]


def test_it_says_nothing_about_what_takes_no_time() -> None:
    lines: list[str] = []
    assert len(list(reported(range(1000), 1000, "hosts", lines.append, clock=lambda: 0.0))) == 1000
    assert lines == []
