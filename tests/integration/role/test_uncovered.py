# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces that containers may be behind, and the policy does not cover: every run names them."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.integration.role.project import APP, HostProject

SAID = "this host forwards what {} sends. "


def bridge(project: HostProject, name: str, network: str) -> None:
    project.namespace.ip(
        f"link add {name} type bridge", f"address add {network}.1/24 dev {name}", f"link set {name} up"
    )


def test_every_run_names_bridges_of_any_name_until_they_are_covered(project: HostProject) -> None:
    project.cable()
    project.write("group_vars/app/egress.yml", {**APP, "egress_containers": True})
    project.namespace.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    bridge(project, "docker0", "172.17.0")
    assert "this host forwards" not in project.play().ok().output
    # The bridge comes after the run that found everything right, and each run from then on says so.
    bridge(project, "lab0", "172.31.0")
    for _run in range(2):
        run = project.play().ok()
        assert SAID.format("lab0") in run.output
        assert run.changed() == 0
    covered = {"egress_containers": True, "egress_container_interfaces": ["docker0", "lab*"]}
    project.write("group_vars/app/egress.yml", {**APP, **covered})
    for _run in range(2):
        assert "this host forwards" not in project.play().ok().output
