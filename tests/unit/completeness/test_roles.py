# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables are the same in its defaults, its argument specs, its page and the policy's own table."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

THIN = ("egress_web", "egress_app", "egress_database", "egress_bastion", "egress_build")
ROLES = tuple(sorted(path.name for path in (CHECKOUT / "roles").iterdir()))
TIERS = tuple(sorted(path.stem for path in (CHECKOUT / "plugins/plugin_utils/policy/data/tiers").glob("*.yml")))


def load(path: str) -> Any:
    return yaml.safe_load((CHECKOUT / path).read_text())


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
    assert task["ansible.builtin.import_role"] == {"name": "tidegate.nftables.egress", "rolespec_validate": False}
    assert task["vars"] == {"__egress_role_tier": role.removeprefix("egress_")}
    assert load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"] == {}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_page_with_variables_an_example_and_links_that_lead_somewhere(role: str) -> None:
    folder = CHECKOUT / "roles" / role
    text = (folder / "README.md").read_text()
    assert text.startswith(f"# tidegate.nftables.{role}\n")
    assert "## Variables\n" in text
    assert f"roles: [tidegate.nftables.{role}]" in text
    links = [link.partition("#")[0] for link in re.findall(r"]\(([^)]*)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_role_names_every_tier() -> None:
    assert len(TIERS) == 8
    description = " ".join(options()["egress_tier"]["description"])
    assert [tier for tier in TIERS if f"V({tier})" not in description] == []
    assert [tier for tier in TIERS if f"| `{tier}` |" not in (CHECKOUT / "roles/egress/README.md").read_text()] == []
