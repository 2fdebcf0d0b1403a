# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One variable in two groups of one host: which of them Ansible would drop without a word."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.conflicts import (
    Conflict,
    GroupVariables,
    conflicts,
)

ALLOW = "egress_allow_api"
ALL = GroupVariables("all", variables={ALLOW: ["all"]})
APP = GroupVariables("app", frozenset({"all"}), {ALLOW: ["app"]})
PCI = GroupVariables("pci", frozenset({"all"}), {ALLOW: ["pci"]})
APP_EU = GroupVariables("app_eu", frozenset({"all", "app"}), {ALLOW: ["app_eu"]})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([APP, PCI], [Conflict(ALLOW, "app", "pci")]),
        ([ALL, APP], []),  # a child replaces its parent, as always in Ansible
        ([ALL, APP, PCI], [Conflict(ALLOW, "app", "pci")]),
        ([APP, APP_EU], []),
        ([APP, PCI, APP_EU], [Conflict(ALLOW, "pci", "app_eu")]),
        ([APP, GroupVariables("twin", frozenset(), {ALLOW: ["app"]})], []),  # the same content is no surprise
        ([APP, GroupVariables("other", frozenset(), {"http_port": 80})], []),
        ([GroupVariables("a", frozenset(), {"port": 1}), GroupVariables("b", frozenset(), {"port": 2})], []),
    ],
)
def test_unrelated_groups_conflict_and_related_ones_do_not(
    groups: list[GroupVariables], expected: list[Conflict]
) -> None:
    assert conflicts(groups, {ALLOW: groups[-1].variables.get(ALLOW, ["app"])}, {}) == expected


def test_what_host_vars_or_extra_vars_decide_is_no_conflict() -> None:
    effective: dict[str, Any] = {ALLOW: ["host"]}
    assert conflicts([APP, PCI], effective, {}) == []
    assert conflicts([APP, PCI], {ALLOW: ["pci"]}, {ALLOW: ["pci"]}) == []


def test_two_tiers_for_one_host_are_a_conflict() -> None:
    web = GroupVariables("web", frozenset(), {"egress_tier": "web"})
    app = GroupVariables("app", frozenset(), {"egress_tier": "app"})
    assert conflicts([app, web], {"egress_tier": "web"}, {}) == [Conflict("egress_tier", "app", "web")]
