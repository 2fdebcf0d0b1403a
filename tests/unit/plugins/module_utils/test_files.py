# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are complete or absent, and locks between processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import files


def test_a_file_is_replaced_with_content_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_bytes(b"old")
    files.write(path, b"new", 0o640)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy"
    path.write_bytes(b"old")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".policy.new").write_bytes(b"a longer text of a killed process")
    files.write(tmp_path / "policy", b"new")
    assert (tmp_path / "policy").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["policy"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"of somebody else")
    (tmp_path / ".policy.new").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        files.write(tmp_path / "policy", b"new")
    assert (tmp_path / "other").read_bytes() == b"of somebody else"


def test_a_pipe_in_its_way_is_an_error_and_gone(tmp_path: Path) -> None:
    """The owner of a folder, such as that of metrics, could have root wait for a reader for ever."""
    os.mkfifo(tmp_path / ".policy.new")
    with pytest.raises(OSError, match="No such device"):
        files.write(tmp_path / "policy", b"new")
    files.write(tmp_path / "policy", b"new")
    assert (tmp_path / "policy").read_bytes() == b"new"


def test_a_new_file_is_locked_and_goes_unless_it_is_renamed(tmp_path: Path) -> None:
    with files.new_file(tmp_path, "new.") as (file, path):
        file.write(b"content")
        file.flush()
        with path.open("rb") as other:
            assert not files.try_lock(other)
        files.replace(path, tmp_path / "kept")
    with files.new_file(tmp_path, "new."):
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"content"


def test_only_one_holder_gets_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as first, path.open("rb") as second:
        assert files.try_lock(first)
        assert not files.try_lock(second)
        first.close()
        assert files.try_lock(second)


def test_an_attempt_is_repeated_until_it_succeeds_or_the_time_is_over() -> None:
    answers = iter(["", "", "third", "fourth"])
    assert files.retry(lambda: next(answers), 60.0, 0.0) == "third"
    assert files.retry(lambda: "", 0.0, 60.0) == ""
