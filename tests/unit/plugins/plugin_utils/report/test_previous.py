# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last report knew."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.report import previous
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import SourceError

KEY = ("app", "203.0.113.1", "tcp/443")


def test_it_is_read_as_it_was_written() -> None:
    before = previous.parse(previous.dump(1000.0, {KEY}), "report.json")
    assert before == previous.Previous(1000.0, frozenset({KEY}))
    assert previous.parse("", "report.json") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "made": 1, "known": []}', '{"version": 1, "known": [1]}'])
def test_a_file_of_somebody_else_is_an_error(text: str) -> None:
    with pytest.raises(SourceError, match=r"out/report\.json is not what the last report wrote .* Fix: remove it"):
        previous.parse(text, "out/report.json")


def test_without_a_last_report_new_is_what_the_last_day_brought() -> None:
    first = {KEY: 100_000, ("app", "203.0.113.2", "tcp/443"): 10}
    assert previous.new_keys(first, None, 150_000) == {KEY}
