# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a draft opens and whether the policy accepts it is said by the policy itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import proof
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry

from .made import evident, suggested

WRITTEN: dict[str, Any] = {
    "egress_allow_app": [entry()],
    "egress_tests_app": [{"name": "closed", "not_reach": ["8.8.8.8"], "services": ["https"]}],
}


def drafted(host: str, added: Mapping[str, Any]) -> policy.ResolvedPolicy:
    return replace(build(**{**WRITTEN, **added}), own=NOTHING)


def proven(**changes: Any) -> proof.Proof:
    (draft,) = suggested(evident(**changes)).drafts
    return proof.prove(draft, drafted("app1", {}), "app1", drafted)


def test_the_proof_names_what_is_opened_and_for_whom() -> None:
    proof = proven(nearest="api", decision="rejected", answered=False)
    assert proof.opens == ("opened for payd: to 8.8.4.4 with tcp/8443 (by payd-8-8-4-4-https-alt)",)
    assert (proof.verdict, proof.accepted, proof.nearest) == ("below the ceiling of tier app", True, ("api",))
    assert proof.answered is False


def test_a_draft_above_the_ceiling_is_not_accepted() -> None:
    proof = proven(port=22)
    assert not proof.accepted
    assert "is above the ceiling of tier app" in proof.verdict
    assert proof.opens == ()


def test_a_draft_that_breaks_a_policy_test_is_not_accepted() -> None:
    proof = proven(destination="8.8.8.8", port=443)
    assert not proof.accepted
    assert "closed" in proof.verdict


def test_a_user_who_is_no_user_is_not_accepted() -> None:
    assert not proven(user="a\x1b[31m b").accepted


def test_the_content_of_lists_is_read_as_a_policy_reads_it() -> None:
    content = feeds.PrefixListResult("quad9", addresses.parse("9.9.9.0/24"))
    wide = feeds.PrefixListResult("wide", addresses.parse("9.0.0.0/8"))
    inventory = replace(INVENTORY, lists={"quad9": content, "wide": wide})
    declared = {name: {"prefixes": ["9.9.9.0/24"]} for name in ("quad9", "wide")}

    def built(_host: str, added: Mapping[str, Any]) -> policy.ResolvedPolicy:
        return build(inventory, egress_prefix_lists=declared, **added)

    # Wider than the ceiling is no reason not to know it; a list that cannot be read is left out.
    assert proof.list_contents(["quad9", "undeclared", "wide"], "app1", built) == {
        "quad9": addresses.parse("9.9.9.0/24"),
        "wide": addresses.parse("9.0.0.0/8"),
    }
