# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role by its other names, from include_role, and with tags."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject


def test_a_thin_role_sets_the_tier_and_refuses_another(project: HostProject) -> None:
    entries = {key: value for key, value in project.app.items() if key != "egress_tier"}
    project.write("group_vars/app/egress.yml", entries)
    project.write("site.yml", project.site.replace("nftables.egress", "nftables.egress_app"))
    assert project.play().code == 0
    assert project.play().changed() == 0
    project.write("group_vars/app/egress.yml", {**entries, "egress_tier": "web"})
    refused = project.play()
    assert refused.code != 0
    assert "egress_tier of this host is web" in refused.output
    project.write("group_vars/app/egress.yml", entries)
    project.write(
        "site.yml",
        project.site.replace(
            "[tidegate.nftables.egress]", "[tidegate.nftables.egress_app, tidegate.nftables.egress_web]"
        ),
    )
    refused = project.play()
    assert refused.code != 0
    assert "tier app was applied to this host earlier" in refused.output


INCLUDED = """
- hosts: app
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.include_role:
        name: tidegate.nftables.egress
      tags: [firewall]
"""


@pytest.mark.new_host
def test_include_role_and_become_work(project: HostProject) -> None:
    project.write("site.yml", INCLUDED)
    assert project.play().code == 0
    assert project.play().changed() == 0


def test_tags_that_select_the_include_alone_do_not_end_well(project: HostProject) -> None:
    # Ansible gives the tags of include_role to the include, not to the tasks of the role.
    project.write("site.yml", INCLUDED)
    silent = project.play("--tags", "firewall")
    assert silent.code != 0
    assert "No policy was applied" in silent.output
    assert "apply: {tags: [firewall]}" in silent.output
    assert "Apply the egress policy" not in project.play("--tags", "other").ok().output
    project.edit("site.yml", "nftables.egress\n", "nftables.egress\n        apply: {tags: [firewall]}\n")
    assert project.play("--tags", "firewall").ok().changed() == 1
    project.write("site.yml", project.site)
    assert "Apply the egress policy]" not in project.play("--tags", "other").ok().output
