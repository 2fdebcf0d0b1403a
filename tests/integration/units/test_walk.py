# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of docs/lab.md on a machine with systemd: its policy, its commands, and what they print."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import run_tasks

from .conftest import Site


@pytest.mark.parametrize("site", ["trixie"], indirect=True)
def test_two_services_of_root_differ_as_the_page_shows(site: Site) -> None:
    section = (CHECKOUT / "docs/lab.md").read_text().partition("## Units, on a machine")[2].partition("\n## ")[0]
    policy, walk = re.findall(r"```(?:yaml)?\n(.*?)```", section, re.DOTALL)
    machine = site.machine
    variables = {**machine.variables, **yaml.safe_load(policy), "egress_confirm": False}
    (applied,) = run_tasks(
        machine.folder,
        [{"tidegate.nftables.egress_apply": {}}],
        host=machine.name,
        variables=variables,
        env=machine.environment,
    )
    assert applied["missing_units"] == ["billing.service"]
    steps = re.findall(r"^# (.+)\n((?:(?!# ).*\n)*)", walk, re.MULTILINE)
    assert len(steps) == 3
    for command, printed in steps:
        assert site.run("sh", "-c", command, check=False) == printed, command
