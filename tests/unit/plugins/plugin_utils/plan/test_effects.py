# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person reads about one change of one host."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.effects import effects
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy, build
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import TODAY, VARIABLES, entry

PAY = entry(name="pay", to=["203.0.113.0/24"], users=["payd"])
METADATA = {"to": "cloud-metadata", "except_users": ["root"]}


def policy(**changes: Any) -> ResolvedPolicy:
    return build({**VARIABLES, **changes}, FixedInventory(), today=TODAY, check_tests=False)


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return effects(policy(**before), policy(**after))


def test_an_entry_says_what_it_opens_and_for_whom() -> None:
    entries = [entry(name="range", to=["198.51.100.1-198.51.100.20"])]
    assert changed({}, {"egress_allow_app": entries}) == [
        "opened for everybody: to 198.51.100.1-198.51.100.20 with tcp/443 (by range)"
    ]
    assert changed({"egress_allow_app": [PAY]}, {}) == [
        "closed for payd: to 203.0.113.0/24 with tcp/443 (because pay was removed)"
    ]


def test_what_egress_never_no_longer_closes_is_opened() -> None:
    never = [{"to": "203.0.113.7", "services": "any"}]
    sentences = changed({"egress_allow_app": [PAY], "egress_never": never}, {"egress_allow_app": [PAY]})
    assert sentences == [
        "opened for payd: to 203.0.113.7 with tcp/443 (by pay, which egress_never closed)",
        "guard weakened: egress_never no longer closes 203.0.113.7 with any service to everybody",
    ]
    closed = changed({"egress_allow_app": [PAY]}, {"egress_allow_app": [PAY], "egress_never": never})
    assert closed[0].startswith("closed for payd: to 203.0.113.7 with tcp/443 (because egress_never[0] closes")


def test_inbound_packets_and_modes_are_named() -> None:
    inbound = [{"name": "ssh-in", "from": ["10.0.0.0/8"], "services": ["ssh"]}]
    more = [{"name": "ssh-in", "from": ["10.0.0.0/8", "192.0.2.0/24"], "services": ["ssh"]}]
    assert changed({"egress_inbound_allow": inbound}, {"egress_inbound_allow": more}) == [
        "opened for everybody: from 192.0.2.0/24 with tcp/22 (by ssh-in (changed))"
    ]
    assert changed({}, {"egress_inbound_allow": inbound})[0].startswith(
        "closed: egress_inbound_allow: what comes in is"
    )
    assert changed({"egress_mode": "observe"}, {"egress_mode": "enforce"}) == [
        "closed: egress_mode observe → enforce: what no entry allows is rejected"
    ]


def test_guards_that_no_packet_meets_are_named() -> None:
    assert changed({}, {"egress_confirm": False}) == ["guard weakened: egress_confirm true → false"]


def test_the_first_policy_and_a_mere_rename() -> None:
    assert effects(None, policy()).pop().startswith("first policy of tier app: mode enforce, ")
    assert changed({"egress_allow_app": [PAY]}, {"egress_allow_app": [{**PAY, "name": "cards"}]}) == [
        "entry pay renamed to cards"
    ]
    assert changed({}, {}) == []


def test_many_changes_are_counted() -> None:
    entries = [
        entry(name=f"e{number}", to=[f"203.0.113.{number}"], services=[f"tcp/{number}"]) for number in range(1, 13)
    ]
    sentences = changed({}, {"egress_allow_app": entries})
    assert len(sentences) == 9
    assert sentences[-1] == "and 4 more changes"
