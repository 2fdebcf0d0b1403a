# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run directory: what it keeps, whom it believes, and that one run at a time works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import files
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import run_directory
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory


def test_state_is_kept_and_the_oldest_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = RunDirectory(str(tmp_path / "run"))
    assert state.read("a") == {}
    state.write("a", {"x": 1})
    state.write("b", {"x": 2})
    assert (state.read("a"), state.read("b")) == ({"x": 1}, {"x": 2})
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "run").iterdir())
    monkeypatch.setattr(run_directory, "KEPT", 2)
    for path in (tmp_path / "run").iterdir():
        os.utime(path, (1, 1))
    state.write("c", {"x": 3})
    assert state.read("c") == {"x": 3}
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_state_of_namespaces_that_are_gone_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = RunDirectory(str(tmp_path))
    state.write("a", {"x": 1})
    (mine,) = tmp_path.iterdir()
    number = mine.name.split(".")[1]
    # The kernel numbers namespaces from 4026531840 (PROC_DYNAMIC_FIRST) on.
    for gone in range(80):
        for kind in ("applied", "turn", "trail", "elements"):
            (tmp_path / mine.name.replace("applied", kind).replace(number, str(gone))).touch()
    (tmp_path / "scratch.abc").touch()
    state.write("b", {"x": 2})
    assert (state.read("a"), state.read("b")) == ({"x": 1}, {"x": 2})
    assert len(list(tmp_path.iterdir())) == 3
    # The turn of another process in this namespace stays.
    with state.turn("a"):
        monkeypatch.setattr(run_directory, "SWEPT", 0)
        state.write("b", {"x": 3})
        assert len(list(tmp_path.glob("turn.*"))) == 1


def test_state_behind_a_link_is_not_believed(tmp_path: Path) -> None:
    RunDirectory(str(tmp_path / "real")).write("a", {"x": 1})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert RunDirectory(str(tmp_path / "link")).read("a") == {}


def test_a_scratch_record_is_left_over_when_nobody_holds_it(tmp_path: Path) -> None:
    state = RunDirectory(str(tmp_path))
    with state.using("name", {"tables": ["inet x"]}):
        assert len(list(tmp_path.glob("scratch.*"))) == 1
        assert state.left_over() == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "scratch.name").write_text('{"tables": ["inet x"]}')
    assert state.left_over() == [(tmp_path / "scratch.name", {"tables": ["inet x"]})]


class Clock:
    """Stands for the module time: waiting takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_one_turn_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, clock = RunDirectory(str(tmp_path)), Clock()
    monkeypatch.setattr(files, "time", clock)
    with state.turn("a"), state.turn("b", 5):
        assert clock.now == 0
        with state.turn("a", 0.3):
            # Patience ends: the second goes on instead of waiting for ever.
            assert clock.now >= 0.3
            assert len(list(tmp_path.glob("turn.*"))) == 2
    before = clock.now
    with state.turn("a", 5):
        assert clock.now == before
