# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables are the same in its defaults, its argument specs and the policy's own table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
THIN = ("egress_web", "egress_app", "egress_database", "egress_bastion", "egress_build")


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def options() -> dict[str, dict[str, Any]]:
    specs: dict[str, dict[str, Any]] = load("roles/egress/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return specs


def test_defaults_and_argument_specs_name_the_same_values() -> None:
    documented = {name: spec["default"] for name, spec in options().items() if "default" in spec}
    assert documented == load("roles/egress/defaults/main.yml")


def test_every_variable_the_policy_knows_is_documented_and_no_other() -> None:
    table = load("plugins/plugin_utils/policy/data/variables.yml")
    role = {"policy", "role", "inventory"}
    known = {name for name, row in table.items() if not name.endswith("*") and row["by"] in role}
    assert known == set(options())


def test_every_option_says_what_it_is() -> None:
    assert all(spec.get("description") and spec.get("type") for spec in options().values())


@pytest.mark.parametrize("role", THIN)
def test_a_thin_role_only_sets_its_tier(role: str) -> None:
    (task,) = load(f"roles/{role}/tasks/main.yml")
    assert task["ansible.builtin.import_role"] == {"name": "tidegate.nftables.egress"}
    assert task["vars"] == {"__egress_role_tier": role.removeprefix("egress_")}
    assert load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"] == {}
