# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kept ledger makes of live ones, one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import kept_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.denied_ledger import (
    DeniedLine,
    Ledger,
    Overflow,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight.kept_ledger import KeptLedger, KeptOverflow

NOW = 10_000_000.0


def live(packets: int, seconds: int = 0, *, observed: bool = False, **other: Any) -> DeniedLine:
    values = {"address": "192.0.2.1", "protocol": "tcp", "port": 80, "uid": 0, **other}
    return DeniedLine(**values, packets=packets, seconds=seconds, observed=observed, bytes=packets * 60)


def after(kept: KeptLedger, *lines: DeniedLine, at: float = NOW, boot: str = "a", days: int = 31) -> KeptLedger:
    return kept_ledger.merged(kept, Ledger(lines), at, boot, days)


def test_packets_are_counted_over_reboots_reloads_and_lines_that_ended() -> None:
    kept = after(KeptLedger(), live(5, 10))
    kept = after(kept, live(7), at=NOW + 60)
    assert [(line.packets, line.bytes, line.first, line.last) for line in kept.lines] == [(7, 420, NOW - 10, NOW + 60)]
    # Another boot, whose count is larger than that of the one before; a reload; a line that had ended in between.
    kept = after(kept, live(9), at=NOW + 120, boot="b")
    kept = after(kept, live(2), at=NOW + 180, boot="b")
    kept = after(kept, live(4), at=NOW + 180 + 2 * 86400, boot="b")
    ((line),) = kept.lines
    assert (line.packets, line.bytes, line.first) == (22, 22 * 60, NOW - 10)


def test_as_many_packets_as_before_that_came_later_are_others() -> None:
    kept = after(KeptLedger(), live(5, 10))
    assert [line.packets for line in after(kept, live(5), at=NOW + 60).lines] == [10]


def test_nothing_new_changes_nothing() -> None:
    kept = after(KeptLedger(), live(5, 10))
    assert after(kept, live(5, 11), at=NOW + 1.4) == kept
    assert after(kept) == kept


def test_observed_and_rejected_packets_are_two_lines() -> None:
    kept = after(KeptLedger(), live(5), live(6, observed=True))
    assert [(line.observed, line.packets) for line in kept.lines] == [(True, 6), (False, 5)]


def test_lines_are_kept_for_so_many_days() -> None:
    kept = kept_ledger.merged(KeptLedger(), Ledger((live(5),), (Overflow(33, "", 9, 0, observed=False),)), NOW, "a", 31)
    assert after(kept, at=NOW + 6.9 * 86400, days=7) == kept
    assert after(kept, at=NOW + 7.1 * 86400, days=7) == KeptLedger((), (), "a")


def test_lines_that_have_no_room_in_the_file_make_the_ledger_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_ledger, "MOST_KEPT", 2)
    kept = after(KeptLedger(), *(live(5, port, port=port, observed=True) for port in range(1, 5)))
    assert [line.port for line in kept.lines] == [1, 2]
    assert kept.overflow == (KeptOverflow(None, "", observed=True, packets=10, last=NOW - 3),)


def test_a_destination_is_new_once_whoever_goes_there() -> None:
    first = after(KeptLedger(), live(1))
    second = after(first, live(1), live(1, uid=33), live(1, port=443), live(1, port=443, uid=33, observed=True))
    assert [line.destination for line in kept_ledger.new_lines((), first.lines)] == [("192.0.2.1", "tcp", 80)]
    assert [line.destination for line in kept_ledger.new_lines(first.lines, second.lines)] == [
        ("192.0.2.1", "tcp", 443)
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        '{"lines": 3}',
        '{"lines": [[1]]}',
        '{"lines": [null]}',
        '{"overflow": [{"x": 1}]}',
        "\0" * 9,
    ],
)
def test_a_damaged_file_is_no_ledger(tmp_path: Path, damage: str) -> None:
    paths = Paths(str(tmp_path))
    paths.state.mkdir(parents=True)
    paths.ledger.write_text(damage)
    assert kept_ledger.read(paths) == KeptLedger()


def test_what_is_written_is_read_and_a_wrong_line_is_not(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    paths.state.mkdir(parents=True)
    kept = after(KeptLedger(), live(5), live(6, protocol="esp", port=None, uid=None, observed=True))
    kept_ledger.write(paths, kept)
    assert kept_ledger.read(paths) == kept
    file = json.loads(paths.ledger.read_text())
    for place, wrong in ((0, 7), (5, -1), (5, "many"), (8, None)):
        broken = json.loads(json.dumps(file))
        broken["lines"][0][place] = wrong
        paths.ledger.write_text(json.dumps(broken))
        assert kept_ledger.read(paths) == KeptLedger()


def test_a_line_keeps_the_units_that_are_known_to_have_sent_some(tmp_path: Path) -> None:
    kept = after(KeptLedger(), live(1, units=("b.service",)))
    # The first one has ended and its cgroup is not known any more.
    kept = after(kept, live(2, units=("a.service",)), at=NOW + 60)
    kept = after(kept, live(3), at=NOW + 120)
    assert kept.lines[0].units == ("a.service", "b.service")
    paths = Paths(str(tmp_path))
    paths.state.mkdir(parents=True)
    kept_ledger.write(paths, kept)
    assert kept_ledger.read(paths) == kept
