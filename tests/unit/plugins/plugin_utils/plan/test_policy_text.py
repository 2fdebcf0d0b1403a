# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a policy that --diff shows."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.policy_text import policy_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import build
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import TODAY, VARIABLES, entry


def lines(**changes: Any) -> list[str]:
    return policy_text(build({**VARIABLES, **changes}, FixedInventory(), today=TODAY)).splitlines()


def test_each_entry_is_a_rule_with_its_addresses() -> None:
    pay = entry(name="pay", to=["203.0.113.0/24", "198.51.100.7"], services=["https", "icmp"], users=["payd"])
    assert "allow pay for payd: to 198.51.100.7, 203.0.113.0/24 with icmp, tcp/443" in lines(egress_allow_app=[pay])
    both = entry(name="pull", to=["198.51.100.7"], **{"for": ["host", "containers"]})
    shown = lines(egress_allow_app=[both], egress_containers=True)
    assert "allow pull by host and containers: to 198.51.100.7 with tcp/443" in shown


def test_what_else_decides_about_packets_has_a_line() -> None:
    never = [{"to": "cloud-metadata", "except_users": ["root"]}]
    inbound = [{"name": "ssh-in", "from": ["10.0.0.0/8"], "services": ["ssh"]}]
    shown = lines(egress_never=never, egress_inbound_allow=inbound, egress_observe=["internet"])
    assert shown[:3] == ["mode enforce", "tier app", shown[2]]
    assert shown[2].startswith("only observe internet: ")
    assert "never to cloud-metadata with any service except for root" in shown
    assert "allow ssh-in: from 10.0.0.0/8 with tcp/22" in shown
    assert shown[-1] == "reject all other inbound packets"


def test_no_policy_has_no_lines() -> None:
    assert policy_text(None) == ""
    assert lines(egress_mode="absent") == []
