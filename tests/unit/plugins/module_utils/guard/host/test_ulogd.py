# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of ulogd2: there where the policy asks for it, gone with it, and a host without it says what to install."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, ulogd
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import install
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings

WITH = Settings(ulogd_group=7)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(str(tmp_path))


def has(paths: Paths, monkeypatch: pytest.MonkeyPatch, *, program: bool, plugin: bool) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/sbin/ulogd" if program else None)
    if plugin:
        file = paths.at("/usr/lib/x86_64-linux-gnu/ulogd/ulogd_output_JSON.so")
        file.parent.mkdir(parents=True)
        file.touch()


def test_its_files_are_there_as_long_as_a_policy_asks_for_it(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    has(paths, monkeypatch, program=True, plugin=True)
    own = {ulogd.configuration(paths), ulogd.rotation(paths)}
    install.install(paths, WITH, {}, systemd=False)
    text = ulogd.configuration(paths).read_text()
    assert "group=7\n" in text
    assert f'plugin="{paths.root}/usr/lib/x86_64-linux-gnu/ulogd/ulogd_output_JSON.so"' in text
    assert own < set(install.paths_of(paths, WITH, {}, systemd=False))
    foreseen = install.install(paths, Settings(), {}, systemd=False, check=True)
    assert all(path.exists() for path in own)
    gone = install.install(paths, Settings(), {}, systemd=False)
    assert {Path(change.path) for change in gone if change.action == "remove"} == own
    assert gone == foreseen
    assert not any(path.exists() for path in own)
    assert not install.install(paths, Settings(), {}, systemd=False)


def test_uninstalling_takes_it_away(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    has(paths, monkeypatch, program=True, plugin=True)
    install.install(paths, WITH, {}, systemd=False)
    unit = paths.units / ulogd.UNIT
    for path, text in ulogd.texts(paths, 7, systemd=True).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    install.remove(paths, systemd=False)
    assert not [path for path in (unit, ulogd.configuration(paths), ulogd.rotation(paths)) if path.exists()]


@pytest.mark.parametrize(
    ("program", "plugin", "packages"),
    [(False, False, ["ulogd2", "ulogd2-json"]), (True, False, ["ulogd2-json"]), (True, True, [])],
)
def test_a_host_says_what_it_misses(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, program: bool, plugin: bool, packages: list[str]
) -> None:
    has(paths, monkeypatch, program=program, plugin=plugin)
    monkeypatch.setattr(clock, "systemd_runs", lambda _paths: True)
    assert not ulogd.missing(paths, None, check=False)
    warnings = ulogd.missing(paths, 7, check=True)
    assert bool(warnings) == bool(packages)
    if packages:
        with pytest.raises(GuardError) as caught:
            ulogd.missing(paths, 7, check=False)
        assert caught.value.reason == "ulogd_missing"
        assert caught.value.details == {"missing_packages": packages}
        assert f"does not have {' and '.join(packages)}," in caught.value.message


def test_a_host_without_systemd_has_nobody_to_run_it(paths: Paths) -> None:
    assert not ulogd.missing(paths, None, check=False)
    with pytest.raises(GuardError, match=r"is run by systemd, which this host does not have\. .* Fix: "):
        ulogd.missing(paths, 7, check=False)
