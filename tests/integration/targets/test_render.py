# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/render.yml: files a unit, the same again without a change, and nothing when anything is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.targets.conftest import TargetProject
from ansible_collections.tidegate.nftables.tests.support.project import Run

KUBERNETES = {"namespace": "shop", "labels": {"tier": "app"}}
ENTRY: dict[str, Any] = {"name": "api", "to": ["203.0.113.0/24"], "services": ["https"]}


def render(project: TargetProject, *options: str, target: str = "kubernetes") -> Run:
    """Run the playbook; its files are in the folder out."""
    return project.play(*options, playbook="tidegate.nftables.render", egress_target=target, egress_render_dir="out")


def test_files_are_written_once_and_only_preview_at_in_check_mode(project: TargetProject) -> None:
    project.set(egress_kubernetes=KUBERNETES, egress_allow_app=[ENTRY])
    preview = render(project, "--check", "--diff").ok()
    assert "+kind: NetworkPolicy" in preview.output
    assert not (project.path / "out").exists()
    assert "changed=1" in render(project).output
    file = project.path / "out" / "tidegate-app.yaml"
    assert "cidr: 203.0.113.0/24" in file.read_text(encoding="utf-8")
    assert "changed=0" in render(project).output
    project.set(egress_kubernetes=KUBERNETES, egress_allow_app=[{**ENTRY, "to": ["203.0.113.7"]}])
    assert "-        cidr: 203.0.113.0/24" in render(project, "--diff").output
    project.set(egress_mode="absent")
    assert "changed=1" in render(project).output
    assert not file.exists()


@pytest.mark.parametrize(
    ("variables", "target", "message"),
    [
        ({"egress_allow_app": [{**ENTRY, "users": ["payd"]}]}, "kubernetes", "group_vars/app.yml"),
        ({"egress_allow_app": [{**ENTRY, "to": ["10.0.0.300"]}]}, "kubernetes", "is not an IP address"),
        ({}, "kubernets", "Did you mean kubernetes?"),
        (
            {"egress_allow_app": [{**ENTRY, "to": ["10.{{ inventory_hostname[-1] }}.0.1"]}]},
            "kubernetes",
            "app1 and app2 do not mean the same by api",
        ),
    ],
)
def test_what_is_wrong_writes_nothing(project: TargetProject, variables: Any, target: str, message: str) -> None:
    project.set(egress_kubernetes=KUBERNETES, **variables)
    done = render(project, target=target)
    assert done.code != 0
    assert message in done.output
    assert "Traceback" not in done.output
    assert not (project.path / "out").exists()


def test_a_host_that_cannot_be_rendered_ends_the_run_with_its_own_error_alone(project: TargetProject) -> None:
    project.set(egress_kubernetes=KUBERNETES, egress_allow_app=[ENTRY])
    project.write("host_vars/app1.yml", {"egress_kubernetes": {}})
    done = render(project)
    assert done.code != 0
    assert "egress_kubernetes: namespace and labels are missing. Fix: write egress_kubernetes:" in done.output
    assert "was not rendered" not in done.output
    assert "TASK [Write one file for each unit]" not in done.output
    assert not (project.path / "out").exists()


def test_a_play_without_a_policy_says_which_variables_make_one(project: TargetProject) -> None:
    project.set(egress_kubernetes=KUBERNETES)
    done = render(project, "--limit", "other")
    assert done.code != 0
    assert "No host of the play has a policy to render. Fix: set egress_tier, and egress_aws" in done.output


def test_units_are_told_apart_by_a_variable(project: TargetProject) -> None:
    entry = {**ENTRY, "to": ["10.{{ inventory_hostname[-1] }}.0.1"]}
    project.set(egress_kubernetes=KUBERNETES, egress_unit="{{ inventory_hostname }}", egress_allow_app=[entry])
    render(project).ok()
    assert sorted(path.name for path in (project.path / "out").iterdir()) == [
        "tidegate-app1.yaml",
        "tidegate-app2.yaml",
    ]
