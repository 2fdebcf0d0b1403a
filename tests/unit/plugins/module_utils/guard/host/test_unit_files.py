# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files beside the units of a policy, by the release of systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

UNITS = {"units_a.service": ["a.service"], "units_b": ["a.service", "batch.slice", "session-4.scope"]}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


def texts(paths: Paths, monkeypatch: pytest.MonkeyPatch, release: int) -> dict[str, str]:
    monkeypatch.setattr(unit_files, "_version", lambda: release)
    made = unit_files.texts(paths, UNITS, "/usr/bin/python3")
    return {path.parent.name: text.removeprefix(unit_files.MARK) for path, text in made.items()}


def test_systemd_fills_sets_itself_where_it_can(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    made = texts(paths, monkeypatch, 255)
    assert made == {
        "a.service.d": "[Service]\nNFTSet=cgroup:inet:tidegate:units_a.service\nNFTSet=cgroup:inet:tidegate:units_b\n",
        "batch.slice.d": "[Slice]\nNFTSet=cgroup:inet:tidegate:units_b\n",
        "session-4.scope.d": "[Scope]\nNFTSet=cgroup:inet:tidegate:units_b\n",
    }


def test_before_services_run_a_helper(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    made = texts(paths, monkeypatch, 254)
    assert list(made) == ["a.service.d"]
    assert "ExecCondition=-+/usr/bin/python3 -IS " in made["a.service.d"]
    assert made["a.service.d"].endswith("/tidegate follow-units --ending\n")


def test_files_follow_the_units_and_leave_those_of_others(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_files, "_version", lambda: 257)
    folder = paths.units / "a.service.d"
    folder.mkdir(parents=True)
    (folder / "other.conf").touch()
    (paths.units / "z.service.d").mkdir()
    (paths.units / "z.service.d" / unit_files.NAME).write_text("[Service]\n")
    unit_files.write(unit_files.changes(paths, UNITS, "python"))
    assert unit_files.changes(paths, UNITS, "python") == []
    unit_files.write(unit_files.changes(paths, {}, "python"))
    left = sorted(str(path.relative_to(paths.units)) for path in paths.units.rglob("*.conf"))
    assert left == ["a.service.d/other.conf", f"z.service.d/{unit_files.NAME}"]
    assert not (paths.units / "batch.slice.d").exists()


def test_a_unit_is_known_by_its_file_its_template_or_its_slice() -> None:
    assert "/lib/systemd/system/a@.service" in unit_files.places("a@b.service")
    assert "/run/systemd/transient/a.service" in unit_files.places("a.service")
    assert "/sys/fs/cgroup/a.slice/a-b.slice" in unit_files.places("a-b.slice")
