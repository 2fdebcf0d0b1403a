# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that owns one rule: found by its comment or by what it says, the other rules as they were."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab
from .single import rules

pytestmark = pytest.mark.usefixtures("table_of_others")


def test_rule_found_by_comment(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="tcp dport https accept", comment="web", position="first")
    assert rules(lab)[0] == 'tcp dport 443 accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { http, https } accept", comment="web")
    assert rules(lab)[0] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", after="ssh")
    assert rules(lab)[1] == 'tcp dport { 80, 443 } accept comment "web"'
    assert not lab.single("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web").changed
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", before="ssh")
    assert rules(lab)[0] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", rule="tcp dport { 80, 443 } accept", comment="web", position="last")
    assert rules(lab)[2] == 'tcp dport { 80, 443 } accept comment "web"'
    lab.single_predicted("rule", chain="base", comment="web", state="absent")
    assert rules(lab) == ['tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"', "jump other"]


def test_rule_found_by_what_it_says(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="udp dport {53, 123} counter accept")
    assert rules(lab)[2] == "udp dport { 53, 123 } counter packets 0 bytes 0 accept"
    assert not lab.single("rule", chain="base", rule="udp dport { domain, ntp } counter accept").changed
    lab.single_predicted("rule", chain="base", rule="udp dport { ntp,domain } counter accept", state="absent")
    assert len(rules(lab)) == 2


MERGED = {
    "ip saddr { 10.1.0.0/24, 10.1.1.0/24 }": "ip saddr { 10.1.0.0/23 }",
    "udp dport { 137-138, 139 }": "udp dport 137-139",
    'iifname { "eth*", "eth1" }': 'iifname "eth*"',
}
"""Rules whose elements nft merges to a single one -> the same, spelled otherwise."""


@pytest.mark.parametrize("merged", MERGED)
def test_a_rule_of_elements_that_merge_is_the_rule_of_the_one_element(lab: Lab, merged: str) -> None:
    if "*" in merged and lab.version < (1, 0):
        return  # 0.9.8 crashes on it
    lab.single_predicted("rule", chain="base", rule=f"{merged} accept")
    count = len(rules(lab))
    spelled = merged if lab.version < (1, 0) else MERGED[merged]
    assert not lab.single("rule", chain="base", rule=f"{spelled} accept").changed
    lab.single_predicted("chain", name="base", priority="7")
    assert len(rules(lab)) == count
    assert not lab.single("rule", chain="base", rule=f"{merged} accept").changed
    lab.single_predicted("rule", chain="base", rule=f"{spelled} accept", state="absent")
    assert len(rules(lab)) == count - 1


def test_a_rule_that_nft_cannot_read_again_is_refused_at_once(lab: Lab) -> None:
    """nft lists these two comparisons in a row as one range."""
    rule = "tcp option maxseg size < 1300 frag id > 55 accept"
    before = lab.listing()
    for check in (True, False):
        with pytest.raises(EngineError, match="cannot read its own listing of this rule") as error:
            lab.single("rule", check=check, chain="base", rule=rule)
        assert (error.value.reason, error.value.where) == ("rejected_by_nft", "rule")
    assert lab.listing() == before


def test_moved_rule_takes_its_counter_along(lab: Lab) -> None:
    lab.single_predicted("rule", chain="base", rule="tcp dport ssh counter accept", comment="ssh", position="last")
    assert rules(lab) == ["jump other", 'tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"']


def test_rule_beside_a_missing_anchor(lab: Lab) -> None:
    with pytest.raises(EngineError, match='no rule with the comment "nothing" to insert the rule after') as error:
        lab.single("rule", chain="base", rule="accept", after="nothing")
    assert error.value.reason == "bad_spec"


def test_rule_whose_comment_is_not_unique(lab: Lab) -> None:
    lab.load('add rule inet t base tcp dport 23 accept comment "ssh"')
    with pytest.raises(EngineError, match='2 rules of the chain have the comment "ssh"'):
        lab.single("rule", chain="base", rule="accept", comment="ssh")
    lab.single_predicted("rule", chain="base", comment="ssh", state="absent")
    assert rules(lab) == ["jump other"]


def test_a_rule_of_users_follows_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.load("add chain inet t sent { type filter hook output priority 0; }")
    uids = {"payd": 3001}
    monkeypatch.setattr("pwd.getpwnam", lambda name: SimpleNamespace(pw_uid=uids[name]))
    task: dict[str, Any] = {
        "chain": "sent",
        "rule": "tcp dport 443 accept",
        "users": ["payd", "root2"],
        "comment": "pay",
    }
    result = lab.single_predicted("rule", **task)
    assert result.missing_users == ("root2",)
    assert rules(lab, "sent") == ['meta skuid 3001 tcp dport 443 accept comment "pay"']
    uids["root2"] = 3002
    lab.single_predicted("rule", **task)
    assert rules(lab, "sent") == ['meta skuid { 3001, 3002 } tcp dport 443 accept comment "pay"']
    uids.clear()
    with pytest.raises(EngineError, match="There is no user 'payd' on this host"):
        lab.single("rule", **task, missing_users="error")
    # Without any of its users the rule goes: it never becomes one for everybody.
    assert lab.single("rule", **task).missing_users == ("payd", "root2")
    assert rules(lab, "sent") == []
