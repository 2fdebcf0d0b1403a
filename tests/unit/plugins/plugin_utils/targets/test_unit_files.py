# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of units: only what differs is written, and a unit that is absent has none."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.render_units import RenderedUnit
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.unit_files import file_changes, write


def unit(text: str | None) -> RenderedUnit:
    return RenderedUnit(name="app", mode="enforce" if text else "absent", hosts=("app1",), file="app.txt", text=text)


def test_a_file_is_written_changed_and_removed_once(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    path = folder / "app.txt"
    for text, before in (("one\n", None), ("two\n", "one\n")):
        (change,) = file_changes([unit(text)], folder)
        assert (change.path, change.before, change.after) == (path, before, text)
        write([change])
        assert path.read_text(encoding="utf-8") == text
        assert path.stat().st_mode & 0o777 == 0o644
        assert file_changes([unit(text)], folder) == []
    assert [file.name for file in folder.iterdir()] == ["app.txt"]
    (removal,) = file_changes([unit(None)], folder)
    assert removal.diff()["after_header"] == f"{path} (removed)"
    write([removal])
    assert not path.exists()
    assert file_changes([unit(None)], folder) == []
