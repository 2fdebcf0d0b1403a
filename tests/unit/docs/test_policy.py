# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/policy.md is true: each of its examples is a policy, and its errors are the ones that people get."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    build,
    errors,
)

PAGE = (CHECKOUT / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0].removeprefix("# "))
def test_an_example_is_a_policy_without_errors(example: str) -> None:
    variables: dict[str, Any] = yaml.safe_load(example)
    declared = feeds.parse(ErrorReport(), variables.get("egress_prefix_lists"))
    inventory = replace(
        INVENTORY, lists={name: feeds.PrefixListResult(name, one.addresses) for name, one in declared.items()}
    )
    assert compile_table(build(inventory, **variables))["name"] == "tidegate"


def test_the_examples_add_up_to_the_policy_of_a_fleet() -> None:
    """In the order of the page, each example pasted into its file; then each group has a policy without errors."""
    files: dict[str, dict[str, Any]] = {}
    for example in EXAMPLES:
        path = example.splitlines()[0].removeprefix("# ")
        files[path] = yaml.safe_load(example)
        for group in {path.split("/")[1] for path in files} - {"all"}:
            given = {
                name: value
                for folder in ("all", group)
                for path, variables in sorted(files.items())
                if path.split("/")[1] == folder
                for name, value in variables.items()
            }
            lists = feeds.parse(ErrorReport(), given.get("egress_prefix_lists"))
            known = {name: feeds.PrefixListResult(name, one.addresses) for name, one in lists.items()}
            assert errors(inventory=replace(INVENTORY, lists=known), **given) == [], (path, group)


def test_the_sample_of_errors_is_what_is_said() -> None:
    wrong = {"name": "payments-api", "to": ["203.0.113.0/24", "10.0.0.300"], "ports": [443]}
    for sentence in errors(egress_allow_pci=[wrong]):
        assert sentence in PAGE


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([a-z-]+)\)", PAGE))
def test_links_lead_somewhere(anchor: str) -> None:
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in PAGE.splitlines()}
    assert anchor in headings
