# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroups of units, from a folder that looks like a tree of cgroup v2."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

TREE = (
    "init.scope",
    "system.slice/nginx.service",
    "system.slice/nginx.service/worker.service",
    "system.slice/system-restic.slice/restic@home.service",
    "system.slice/system-restic.slice/restic@etc.service",
    "system.slice/_io.service",
    "batch.slice/batch-night.slice/report.service",
    "user.slice/user-1000.slice/session-4.scope",
    "user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service",
    "user.slice/user-1000.slice/user@1000.service/batch.slice",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in TREE:
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "cgroup.procs").touch()
    return tmp_path


def matched(tree: Path, *units: str) -> set[str]:
    """The paths of the cgroups in the set of some units."""
    ids = cgroups.ids({"set": units}, list(cgroups.cgroups(str(tree))))["set"]
    everything = {path.stat().st_ino: str(path.relative_to(tree)) for path in tree.rglob("*")}
    return {everything[number] for number in ids}


def test_a_unit_is_found_wherever_systemd_puts_it(tree: Path) -> None:
    assert matched(tree, "report.service") == {"batch.slice/batch-night.slice/report.service"}
    assert matched(tree, "session-4.scope") == {"user.slice/user-1000.slice/session-4.scope"}
    assert matched(tree, "user@1000.service") == {"user.slice/user-1000.slice/user@1000.service"}
    assert matched(tree, "io.service") == {"system.slice/_io.service"}
    assert matched(tree, "absent.service") == set()


def test_a_template_is_all_of_its_instances(tree: Path) -> None:
    folder = "system.slice/system-restic.slice"
    assert matched(tree, "restic@.service") == {f"{folder}/restic@home.service", f"{folder}/restic@etc.service"}
    assert matched(tree, "restic@etc.service") == {f"{folder}/restic@etc.service"}


def test_a_slice_is_its_own_cgroup_which_is_above_all_that_is_in_it(tree: Path) -> None:
    assert matched(tree, "batch.slice") == {"batch.slice"}
    assert matched(tree, "batch-night.slice") == {"batch.slice/batch-night.slice"}


def test_a_name_within_the_cgroup_of_a_service_is_no_unit(tree: Path) -> None:
    # Its owner may have made it: user@1000.service belongs to that user.
    assert matched(tree, "nginx.service", "batch.slice") == {"system.slice/nginx.service", "batch.slice"}
    assert matched(tree, "worker.service") == set()


def test_the_unit_of_a_process_is_above_what_it_made(tmp_path: Path) -> None:
    first = tmp_path / "first"
    for manager in ("", "/lxc/box"):
        first.write_text(f"1:name=systemd:/\n0::{manager}/init.scope\n")
        for path, unit in (
            ("/system.slice/a.service/.control", "system.slice/a.service"),
            ("/system.slice/system-a.slice/a@b.service", "system.slice/system-a.slice/a@b.service"),
            ("/system.slice", ""),
        ):
            process = tmp_path / "cgroup"
            process.write_text(f"0::{manager}{path}\n")
            folder = tmp_path / f"cgroups{manager}{path}"
            folder.mkdir(parents=True, exist_ok=True)
            own = cgroups.of_process(str(process), str(first), str(tmp_path / "cgroups"))
            assert (own.path if own else "") == unit
        assert cgroups.root("/cgroups", str(first)) == f"/cgroups{manager}"


def test_a_hybrid_tree_is_not_pure(tmp_path: Path) -> None:
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").touch()
    assert not cgroups.is_pure(str(tmp_path))
    assert cgroups.is_pure(str(tmp_path / "unified"))
