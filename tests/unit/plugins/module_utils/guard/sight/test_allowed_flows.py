# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of allowed flows, of live ones one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import allowed_flows
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.allowed_flows import (
    AllowedFlows,
    Live,
    Moment,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.denied_ledger import DeniedLine

NOW, WALL = 10_000_000.0, 1_795_219_200.0
"""WALL is midnight in UTC."""


def live(packets: int, seconds: int = 0, **other: Any) -> DeniedLine:
    values = {"address": "192.0.2.1", "protocol": "tcp", "port": 443, "uid": 0, **other}
    return DeniedLine(**values, packets=packets, seconds=seconds, observed=False)


def after(kept: AllowedFlows, *lines: DeniedLine, later: float = 0, full: int = 0, boot: str = "a") -> AllowedFlows:
    return allowed_flows.merged(kept, Live(lines, full), Moment(NOW + later, WALL + later, boot), 31)


def by_day(kept: AllowedFlows) -> dict[int, int]:
    return {line.day - int(WALL) // 86400: line.packets for line in kept.lines}


def test_each_day_has_a_line_of_its_own() -> None:
    kept = after(AllowedFlows(), live(5), later=-60)
    assert by_day(kept) == {-1: 5}
    kept = after(kept, live(7, 30), later=60)
    assert by_day(kept) == {-1: 5, 0: 2}
    assert by_day(after(kept, live(7, 90), later=120)) == {-1: 5, 0: 2}


def test_packets_are_counted_over_reboots_and_reloads() -> None:
    kept = after(AllowedFlows(), live(5))
    kept = after(kept, live(3), later=60)
    kept = after(kept, live(9), later=120, boot="b")
    assert by_day(kept) == {0: 17}


def test_as_many_packets_as_before_that_came_later_are_others() -> None:
    kept = after(AllowedFlows(), live(5, 10))
    assert by_day(after(kept, live(5), later=60)) == {-1: 5, 0: 5}
    assert by_day(after(kept, live(5, 70), later=60)) == {-1: 5}


def test_a_clock_that_is_set_moves_lines_to_another_day_and_loses_none() -> None:
    kept = after(AllowedFlows(), live(5))
    ahead = Moment(NOW + 60, WALL + 400 * 86400, "a")
    kept = allowed_flows.merged(kept, Live((live(7),), 0), ahead, 31)
    assert by_day(kept) == {0: 5, 400: 2}
    assert {(line.first, line.last) for line in kept.lines} == {(NOW, NOW), (NOW + 60, NOW + 60)}
    assert by_day(after(kept, live(8), later=120)) == {0: 6, 400: 2}


def test_completeness_ends_with_a_gap_or_a_table_that_notes_nothing() -> None:
    kept = after(AllowedFlows(), live(5))
    assert after(kept, later=86000).since == NOW
    assert after(kept, later=87000).since == NOW + 87000
    stopped = allowed_flows.merged(kept, Live(), Moment(NOW, WALL, "a"), 31)
    assert stopped.since is None
    assert stopped.lines == kept.lines


def test_what_has_no_room_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_flows, "MOST_KEPT", 2)
    flows = [live(3, port, port=port) for port in range(1, 5)]
    kept = after(AllowedFlows(), *flows, full=10)
    assert [line.port for line in kept.lines] == [1, 2]
    assert kept.left_out == 16
    assert after(kept, *flows, full=10).left_out == 16
    assert after(kept, *flows, full=12).left_out == 18


def test_old_lines_go() -> None:
    kept = after(AllowedFlows(), live(5))
    assert after(kept, later=32 * 86400).lines == ()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"lines": [[1]]}', '{"lines": [[-1, "a", "tcp", 1, 0, 1, 1, 1, 1]]}', '{"since": []}'],
)
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    paths = Paths(str(tmp_path))
    paths.allowed_flows.parent.mkdir(parents=True)
    paths.allowed_flows.write_text(text)
    assert allowed_flows.read(paths) == AllowedFlows()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    paths.allowed_flows.parent.mkdir(parents=True)
    kept = after(AllowedFlows(), live(5), live(2, uid=None, port=None, protocol="esp"))
    allowed_flows.write(paths, kept)
    assert allowed_flows.read(paths) == kept
    assert json.loads(paths.allowed_flows.read_text())["since"] == NOW
