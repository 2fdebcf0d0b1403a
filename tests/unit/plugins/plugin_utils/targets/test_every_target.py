# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every target: its files let through what the policy does, but for the reported differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, render_units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Target
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT
from ansible_collections.tidegate.nftables.tests.support.golden import Golden
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.evaluators import (
    EVALUATORS,
    lets_through_what_the_policy_does,
    opening_everything_is_caught,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    EXAMPLES,
    policies_with_units,
    tried,
)

GOLDEN = ROOT / "targets"


@pytest.mark.parametrize("name", EVALUATORS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), variables=policies_with_units, flows=tried)
def test_files_let_through_what_the_policy_does(
    name: str, data: st.DataObject, variables: Any, flows: list[policy.Flow]
) -> None:
    evaluator = EVALUATORS[name]
    approximate = data.draw(st.sampled_from(evaluator.approximations))
    given_ = data.draw(st.sampled_from(evaluator.settings))
    lets_through_what_the_policy_does(TARGETS[name], evaluator, variables, approximate, flows, given=given_)


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("name", EVALUATORS)
def test_policies_that_were_wrong_once(name: str, example: tuple[Any, str, list[policy.Flow]]) -> None:
    variables, approximate, flows = example
    if approximate in EVALUATORS[name].approximations:
        lets_through_what_the_policy_does(TARGETS[name], EVALUATORS[name], variables, approximate, flows)


@pytest.mark.parametrize("name", EVALUATORS)
def test_a_target_that_opens_everything_is_caught(name: str) -> None:
    opening_everything_is_caught(TARGETS[name], EVALUATORS[name])


def golden_path(target: Target) -> Path:
    return GOLDEN / f"{target.name}{target.suffix}"


@pytest.mark.parametrize("name", TARGETS)
def test_a_file_is_the_golden_one(name: str, golden: Golden) -> None:
    variables = yaml.safe_load((GOLDEN / "policy_for_all.yml").read_text(encoding="utf-8"))
    lists = {
        list_name: feeds.PrefixListResult(list_name, external=True, names=tuple(declared["names"]))
        for list_name, declared in variables["egress_prefix_lists"].items()
    }
    resolved = build(replace(INVENTORY, lists=lists), **variables)
    part = host_contribution.contribution(resolved, TARGETS[name], variables, addresses.parse("10.1.2.3"))
    (unit,) = render_units.render_units([part])
    assert unit.text is not None
    golden.check(golden_path(TARGETS[name]), unit.text)
