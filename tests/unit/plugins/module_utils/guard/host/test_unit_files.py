# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files beside the units of a policy, by the release of systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

UNITS = {"units_a.service": ["a.service"], "units_b": ["a.service", "batch.slice", "session-4.scope"]}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


def texts(paths: Paths, monkeypatch: pytest.MonkeyPatch, release: int) -> dict[str, str]:
    monkeypatch.setattr(unit_files, "_version", lambda: release)
    made = unit_files.texts(paths, UNITS, "/usr/bin/python3")
    return {path.parent.name: text.removeprefix(MARK) for path, text in made.items()}


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


@pytest.mark.parametrize(
    ("files", "is_alias"),
    [
        ({"etc": None}, False),
        ({"etc": "real.service"}, True),
        ({"etc": "../lib/real.service"}, True),
        ({"etc": "/dev/null"}, False),
        ({"etc": "/opt/app/real.service"}, False),
        ({"etc": "../lib/a.service", "lib": None}, False),
        ({"etc": None, "lib": "real.service"}, False),
        ({}, False),
    ],
    ids=["file", "link", "link to another folder", "masked", "file elsewhere", "enabled", "hides one", "none"],
)
def test_an_alias_is_a_link_to_another_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str | None], is_alias: bool
) -> None:
    monkeypatch.setattr(unit_files, "UNIT_FOLDERS", (f"{tmp_path}/etc", f"{tmp_path}/lib"))
    for folder, target in files.items():
        path = tmp_path / folder / "a.service"
        path.parent.mkdir()
        path.symlink_to(target) if target else path.touch()
    assert unit_files.is_alias("a.service") == is_alias
    assert unit_files.missing({"a": ["a.service"]}) == (["a.service"] if is_alias or not files else [])


@pytest.mark.parametrize(
    ("link", "target", "is_alias"),
    [
        ("a@home.service", "a@.service", False),
        ("a@.service", "b@.service", True),
    ],
)
def test_an_instance_is_no_alias_of_its_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, target: str, is_alias: bool
) -> None:
    monkeypatch.setattr(unit_files, "UNIT_FOLDERS", (str(tmp_path),))
    (tmp_path / link).symlink_to(target)
    assert unit_files.is_alias("a@home.service") == is_alias


def test_no_file_lies_beside_an_alias(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_files, "UNIT_FOLDERS", (str(tmp_path),))
    (tmp_path / "a.service").symlink_to("b.service")
    assert list(texts(paths, monkeypatch, 257)) == ["batch.slice.d", "session-4.scope.d"]
    assert texts(paths, monkeypatch, 252) == {}
