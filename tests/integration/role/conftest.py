# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One project and one namespace for each test."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import package
from ansible_collections.tidegate.nftables.tests.integration.role.project import APP, COMMON, SITE, HostProject
from ansible_collections.tidegate.nftables.tests.support.namespaces import named_namespace


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HostProject]:
    """A small project on a fresh namespace, which is removed afterwards whatever happens.

    Its host has the program of this release, so no run need send the guard, half of the time of a first run (2 s of
    processor time), unless the test is marked `new_host`.
    """
    with named_namespace("role") as namespace:
        made = HostProject(tmp_path, namespace=namespace, common=COMMON, app=APP, site=SITE)
        _fill(made)
        if not request.node.get_closest_marker("new_host"):
            _install_program(made)
        yield made


def _install_program(made: HostProject) -> None:
    program = Path(f"{made.root}{installed.PROGRAM}")
    program.parent.mkdir(parents=True)
    program.write_bytes(package.build())
    program.chmod(0o755)


def _fill(made: HostProject) -> None:
    """Write the files of the project."""
    interpreter = shutil.which("python3") or sys.executable
    made.write(
        "inventory.yml",
        {
            "all": {
                "vars": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": interpreter,
                    "egress_root": str(made.root),
                },
                "children": {
                    "app": {"hosts": {"app1": {}}},
                    "database": {"hosts": {"db1": {"egress_addresses": ["10.10.5.1", "fd12:3456:789a:5::1"]}}},
                },
            }
        },
    )
    made.write("group_vars/all/egress.yml", COMMON)
    made.write("group_vars/app/egress.yml", APP)
    made.write("site.yml", SITE)


@pytest.fixture
def resolv_conf(project: HostProject) -> Iterator[Path]:
    """What `ip netns exec` shows as /etc/resolv.conf inside of the project's namespace."""
    folder = Path("/etc/netns") / project.namespace.name
    folder.mkdir(parents=True)
    try:
        yield folder / "resolv.conf"
    finally:
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
