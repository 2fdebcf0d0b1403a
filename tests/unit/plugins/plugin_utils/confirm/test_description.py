# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the policy that a host kept to the description of its change."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm.description import effects_of, for_history
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import packed, unpacked
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy, build
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, FixedInventory, cases
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import TODAY, VARIABLES, entry

OPENED = "opened for everybody: to 203.0.113.0/24 with tcp/443 (by pay)"
HAND = "a hand-made `accept` in chain egress_output was removed"


def policy(**changes: Any) -> ResolvedPolicy:
    return build({**VARIABLES, **changes}, FixedInventory(), today=TODAY, check_tests=False)


def of_host(**more: Any) -> dict[str, Any]:
    return {
        "changed": True,
        "changes": [],
        "what": "changed pay",
        "policy_before": packed(policy()),
        "undone": [],
        **more,
    }


PAY = policy(egress_allow_app=[entry(name="pay", to=["203.0.113.0/24"])])


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_kept_policy_is_the_same_policy(case: Case) -> None:
    resolved = case.resolved()
    kept = unpacked(packed(resolved))
    assert kept is not None
    assert packed(kept) == packed(resolved)
    assert effects_of(of_host(policy_before=packed(resolved), what=""), resolved) == []


def test_a_guard_that_changes_alone_is_named_though_nothing_changes_on_the_host() -> None:
    guarded = policy(egress_require=["owner"])
    result = {"changed": False, "changes": [], "policy_before": packed(guarded)}
    sentence = "guard weakened: egress_require: an entry need not have owner"
    assert effects_of(result, policy()) == [sentence]
    assert effects_of(result, guarded) == []
    assert effects_of({**result, "policy_before": ""}, policy()) == []


def test_what_opens_comes_before_what_was_undone() -> None:
    result = of_host(undone=[HAND])
    result["effects"] = effects_of(result, PAY)
    assert result["effects"] == [OPENED, HAND]
    assert for_history(result, PAY) == f"{OPENED}; {HAND}"


def test_a_return_names_the_policy_and_what_that_opens() -> None:
    result = of_host(policy_after=packed(PAY), what="back to the policy of 2026-11-20T10:00:00Z")
    result["effects"] = effects_of(result, None)
    assert result["effects"] == [OPENED]
    assert for_history(result, None) == f"back to the policy of 2026-11-20T10:00:00Z; {OPENED}"


@pytest.mark.parametrize("before", ["", "AAAA", "no base 64", packed(policy())[:-40]])
def test_without_the_policy_before_the_words_are_those_of_the_host(before: str) -> None:
    assert effects_of(of_host(policy_before=before), PAY) == ["changed pay"]


def test_the_first_policy_needs_none_before() -> None:
    first = of_host(policy_before="", changes=[{"kind": "table", "action": "add"}])
    assert effects_of(first, PAY)[0].startswith("first policy of tier app")


def test_an_unchanged_host_and_files_alone_have_no_effects() -> None:
    assert effects_of({"changed": False, "changes": []}, PAY) == []
    assert effects_of({"changed": True, "changes": []}, PAY) == []
