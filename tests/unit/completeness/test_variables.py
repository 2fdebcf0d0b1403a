# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every egress_* variable has a type, a default, an example that works and a sentence, the same in every file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import errors

ROWS: dict[str, dict[str, Any]] = datafiles.load("variables")
VARIABLES = {name: row for name, row in ROWS.items() if row["by"] != "nobody"}
SPECS = yaml.safe_load((CHECKOUT / "roles/egress/meta/argument_specs.yml").read_text(encoding="utf-8"))
OPTIONS: dict[str, dict[str, Any]] = SPECS["argument_specs"]["main"]["options"]
TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "list": (list,),
    "mapping": (dict,),
    "number": (int,),
    "number or text": (int, str),
    "number, text or list": (int, str, list),
    "text": (str,),
}
CODE = [
    *(CHECKOUT / "plugins").rglob("*.py"),
    *(path for path in (CHECKOUT / "playbooks").rglob("*.yml") if "lab" not in path.parts),
    *(CHECKOUT / "roles").glob("*/tasks/*.yml"),
]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_described_completely(name: str) -> None:
    row = VARIABLES[name]
    assert row["by"] in ("policy", "role", "inventory", "playbook")
    assert row["about"]
    assert ("default" in row) != ("unset" in row), "either its default, or what it means that it is not set"
    values = [row["example"], *([row["default"]] if "default" in row else [])]
    assert all(isinstance(value, TYPES[row["type"]]) for value in values)


RESOLVER = {"egress_names": "resolver", "egress_dns_servers": ["10.0.0.53"], "egress_log": "nflog"}
"""What the variables about names, DNS and ulogd2 are errors without: they would do nothing, and seem to."""


@pytest.mark.parametrize("name", [name for name, row in VARIABLES.items() if row["by"] == "policy"])
def test_an_example_is_a_policy_without_errors(name: str) -> None:
    assert errors(**{**RESOLVER, name.replace("*", "topic"): VARIABLES[name]["example"]}) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_the_role_has_the_same_default(name: str) -> None:
    assert {"default": OPTIONS[name].get("default")} == {"default": VARIABLES[name].get("default")}


@pytest.mark.parametrize("path", sorted((CHECKOUT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_a_playbook_has_the_same_default(path: Path) -> None:
    for name, words in re.findall(r"(?<!\w)(egress_\w+) \| default\(((?:[^()]|\([^()]*\))*)\)", text(path)):
        row = VARIABLES[name]
        if "default" in row:
            assert yaml.safe_load(words) in (row["default"], "omit", ""), name


@pytest.mark.parametrize("name", VARIABLES)
def test_somebody_reads_a_variable(name: str) -> None:
    pattern = re.compile(rf"(?<!\w){re.escape(name.removesuffix('*'))}" + ("" if name.endswith("*") else r"(?!\w)"))
    assert any(pattern.search(text(path)) for path in CODE)
