# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a host's unit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build


def unit(**variables: Any) -> str:
    resolved = build(**{name: value for name, value in variables.items() if name == "egress_mode"})
    return str(host_contribution.contribution(resolved, registry.target("nftables"), variables, NOTHING)["unit"])


def test_a_unit_is_the_tier_unless_it_is_named() -> None:
    assert unit() == "app"
    assert unit(egress_unit="app-eu_1") == "app-eu_1"


def test_an_absent_policy_is_still_in_the_unit_of_its_tier() -> None:
    assert unit(egress_mode="absent", egress_tier="web") == "web"


@pytest.mark.parametrize("name", ["a/b", "../x", "-app", "a b", "a" * 42, "ä"])
def test_a_name_that_could_be_a_path_or_too_long_is_an_error(name: str) -> None:
    with pytest.raises(policy.PolicyErrors, match="is not a name for a unit"):
        unit(egress_unit=name)
