# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards that a change of the inventory weakens or strengthens."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import unchanged
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.arguments import apply_arguments
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.guards import fingerprint
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.markdown import markdown

from .fleets import PAY, TEST, planned, policy

RAISED = {"name": "x", "to": ["198.51.100.0/24"], "services": ["https"], "review_by": "2027-01-01"}


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            {"egress_never": [{"to": "cloud-metadata"}]},
            {},
            "egress_never no longer closes cloud-metadata with any service to everybody",
        ),
        (
            {"egress_never": [{"to": "192.0.2.1"}]},
            {"egress_never": [{"to": "192.0.2.1", "except_users": ["root"]}]},
            "egress_never no longer closes 192.0.2.1 with any service to root",
        ),
        (
            {"egress_never": [{"to": "192.0.2.1"}]},
            {"egress_never": [{"to": "192.0.2.1", "except_units": ["agent.service"], "except_users": ["root"]}]},
            "egress_never no longer closes 192.0.2.1 with any service to root in agent.service",
        ),
        (
            {"egress_tests_app": [TEST]},
            {"egress_tests_app": [{**TEST, "unit": "pay.service"}]},
            "not_reach 198.51.100.0/24 with any service as pay.service",
        ),
        ({"egress_tests_app": [TEST]}, {}, "policy test t is removed: not_reach 198.51.100.0/24 with any service"),
        (
            {"egress_tests_app": [TEST]},
            {"egress_tests_app": [{**TEST, "services": "https"}]},
            "policy test t: not_reach 198.51.100.0/24 with any service → not_reach 198.51.100.0/24 with tcp/443",
        ),
        (
            {"egress_tests_app": [TEST]},
            {"egress_tests_app": [{**TEST, "user": "payd"}]},
            "not_reach 198.51.100.0/24 with any service as payd",
        ),
        ({"egress_require": ["owner"]}, {}, "egress_require: an entry need not have owner"),
        (
            {},
            {"egress_tier": "app", "egress_tiers": {"app": {"extends": "app", "ceiling": {"external": {"any": True}}}}},
            "the ceiling of tier app outside egress_internal_networks: all of it",
        ),
        (
            {},
            {"egress_tiers": {"app": {"extends": "app", "ceiling": {"external": {"never": []}}}}},
            "the ceiling of tier app outside egress_internal_networks: also services of class management",
        ),
        (
            {},
            {"egress_tiers": {"app": {"extends": "app", "ceiling": {"external": {"most": {"ipv4": 4}}}}}},
            "the ceiling of tier app outside egress_internal_networks: most IPv4 /8 → /4",
        ),
        ({}, {"egress_confirm": False}, "egress_confirm true → false"),
        ({}, {"egress_confirm_timeout": 600}, "egress_confirm_timeout 60 → 600"),
        ({}, {"egress_max_removed": 100}, "egress_max_removed 25 → 100"),
        ({"egress_drift": "repair"}, {}, "egress_drift repair → report"),
        ({"egress_missing_users": "error"}, {}, "egress_missing_users error → skip"),
        ({}, {"egress_enforce_anyway": True}, "egress_enforce_anyway (default) → true"),
        (
            {"egress_plan_fail_on": "changes"},
            {"egress_plan_fail_on": "errors"},
            'egress_plan_fail_on "changes" → "errors"',
        ),
        ({}, {"egress_approximate": {"kubernetes": "wider"}}, 'egress_approximate (default) → {"kubernetes": "wider"}'),
        (
            {"egress_prefix_lists": {"crm": {"file": "crm.json", "max_change": "30%"}}},
            {"egress_prefix_lists": {"crm": {"file": "crm.json"}}},
            "egress_prefix_lists.crm.max_change 30% → (none)",
        ),
        ({}, {"egress_deny_quietly": [{"to": "192.0.2.9"}]}, "192.0.2.9 with any service is kept out of the denied"),
        (
            {"egress_allow_app": [{**PAY, "expires": "2026-12-31"}]},
            {"egress_allow_app": [PAY]},
            "entry pay expires never instead of 2026-12-31",
        ),
    ],
)
def test_a_weaker_guard_is_named_and_a_stronger_one_too(
    before: dict[str, Any], after: dict[str, Any], sentence: str
) -> None:
    plan = planned(before, after)
    assert plan.outcome == "guards"
    assert "1 guard weakened." in markdown(plan)
    if not {*before, *after} & BESIDE:
        assert asked(before) != asked(after), "a run notices it"
    (line,) = (line for line in markdown(plan).splitlines() if line.startswith("- weakened: "))
    assert sentence in line
    assert [change.direction for change in planned(before=after, after=before).settings] == ["strengthened"]


BESIDE = {"egress_enforce_anyway", "egress_plan_fail_on", "egress_approximate"}
"""Guards that no run of the role looks at."""


def asked(variables: dict[str, Any]) -> str:
    """Return the checksum about which a host is asked in a run."""
    resolved = policy(**variables).resolved
    assert resolved is not None
    return unchanged.digest(apply_arguments(resolved, "alice", "/"), fingerprint(resolved))
