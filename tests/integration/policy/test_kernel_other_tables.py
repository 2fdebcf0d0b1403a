# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and chains of others beside the policy: what they do to packets is added."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences, own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.difference import (
    TOO_LITTLE,
    TOO_MUCH,
    UNKNOWN,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import (
    load,
    nft,
)
from ansible_collections.tidegate.nftables.tests.integration.policy.live_rulesets import (
    RELEASES,
    built,
    held,
    one,
)

OTHERS = """
table ip theirs {
  set bad { type ipv4_addr; flags interval; elements = { 10.1.7.0/24 } }
  chain c {
    type filter hook output priority 10; policy accept;
    ip daddr @bad drop
    tcp dport 8005 limit rate 1/second accept
    tcp dport 8005 drop
  }
}
table ip6 other {
  chain c { type filter hook forward priority 0; policy drop; }
  chain i { type filter hook input priority 0; policy drop; }
}
"""


@RELEASES
def test_other_tables_are_looked_at_one_by_one(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("-f", "-", given=OTHERS, binary=binary)
    ruleset = held(binary)
    assert own_differences(resolved, ruleset) == []
    differences = other_differences(resolved, ruleset)
    (through,) = [difference for difference in differences if difference.table == "ip6 other"]
    assert (through.kind, through.users) == (TOO_LITTLE, ("forwarded packets",))
    assert (through.region.at(6, 443).family(4), "2001:db8::1" in through.region.at(6, 443)) == ((), True)
    differences.remove(through)
    assert {difference.table for difference in differences} == {"ip theirs"}
    refused = one(differences, TOO_LITTLE)
    assert refused.region.at(6, 8000).cidrs() == ["10.1.7.0/24"]
    unknown = one(differences, UNKNOWN)
    assert unknown.reasons == ("the statement limit",)
    assert not unknown.region.at(6, 8000)
    assert "10.1.8.1" in unknown.region.at(6, 8005)


@RELEASES
@pytest.mark.parametrize(
    ("hook", "rule"),
    [
        ("postrouting", "ip daddr 10.1.0.1 ip daddr set 198.51.100.7"),
        ("postrouting", "ip daddr 10.1.0.1 drop"),
        ("prerouting", "counter"),
        ("input", "counter"),
    ],
)
def test_a_chain_at_a_hook_where_the_policy_has_none_is_named(
    binary: Path, hook: str, rule: str, tmp_path: Path
) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    chain = f"add chain inet tidegate extra {{ type filter hook {hook} priority 0; }}"
    nft("-f", "-", given=f"{chain}\nadd rule inet tidegate extra {rule}\n", binary=binary)
    (difference,) = own_differences(resolved, held(binary))
    assert (difference.kind, difference.reasons) == (UNKNOWN, (f"the policy has no chain extra at the hook {hook}",))


BEHIND = """
table ip theirs {
  chain c {
    type filter hook postrouting priority 0;
    ip daddr 10.1.7.0/24 drop
    ip daddr 10.1.8.0/24 ip daddr set 10.1.9.9
  }
  chain n {
    type nat hook postrouting priority 100;
    ip saddr 172.17.0.0/16 masquerade
  }
}
"""


@RELEASES
def test_what_other_tables_do_behind_the_hook_output(binary: Path, tmp_path: Path) -> None:
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("-f", "-", given=BEHIND, binary=binary)
    differences = [
        difference
        for difference in other_differences(resolved, held(binary))
        if "forwarded packets" not in difference.users
    ]
    assert one(differences, TOO_LITTLE).region.at(6, 8000).cidrs() == ["10.1.7.0/24"]
    assert one(differences, UNKNOWN).region.at(6, 8000).cidrs() == ["10.1.8.0/24"]
    assert one(differences, UNKNOWN).reasons == ("the statement mangle",)


@RELEASES
@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ('oifname "lo" accept', TOO_MUCH),
        ('oifname "lo" tcp dport 25 meta skuid 20001 accept', TOO_MUCH),
        ('oifname "lo" fib daddr type != { local, broadcast, multicast, anycast } accept', TOO_MUCH),
        ('oifname "lo" fib daddr type { local, unicast } accept', UNKNOWN),
        ('oifname "lo" fib saddr type local accept', UNKNOWN),
        ('ip daddr 127.0.0.0/8 oifname "lo" drop', TOO_LITTLE),
    ],
)
def test_what_leaves_by_lo_is_for_the_host_itself(binary: Path, rule: str, kind: str, tmp_path: Path) -> None:
    # A packet whose destination is rewritten in the hook output keeps lo as its interface there.
    resolved = built()
    load(compile_table(resolved), tmp_path, binary)
    nft("insert", "rule", "inet", "tidegate", "egress_output", rule, binary=binary)
    differences = own_differences(resolved, held(binary))
    assert {difference.kind for difference in differences} == {kind}
    if kind != TOO_LITTLE:
        users = {user for difference in differences for user in difference.users}
        assert "payd redirected from lo" in users
        assert all(" redirected from lo" in user for user in users)
