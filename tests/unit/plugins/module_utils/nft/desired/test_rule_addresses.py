# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import rule_addresses
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.tests.effort import SEED
from ansible_collections.tidegate.nftables.tests.integration.generated import compose
from ansible_collections.tidegate.nftables.tests.integration.nft.others_tables import TABLES

REFUSED = {
    "ip saddr 10.0.0.256 accept": "10.0.0.256",
    "ip saddr 10.0.0 accept": "10.0.0",
    "ip saddr { 10.0.0.1, 10.0.0.1x } accept": "10.0.0.1x",
    "ip daddr 10.0.0.1.5/8 accept": "10.0.0.1.5",
    "ip daddr 10.0.0.0/33 accept": "10.0.0.0/33",
    "ip6 daddr 2001:db8::g accept": "2001:db8::g",
    "ip6 daddr 10.0.0.1 accept": "10.0.0.1",
    "ip daddr example.com accept": "example.com",
    "ip daddr != l0calhost accept": "l0calhost",
    "ip daddr 10.0.0.1-10.0.0.300 accept": "10.0.0.1-10.0.0.300",
    "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.x . 80 } accept": "10.0.0.x",
    "iifname lo tcp dport . ip saddr { 80 . 10.0.0.x } accept": "10.0.0.x",
    "ip saddr vmap { 10.0.0.1x : accept }": "10.0.0.1x",
    "ct original ip saddr 10.0.0.400 accept": "10.0.0.400",
    "dnat ip to 10.0.0.1x": "10.0.0.1x",
    "dnat to 10.0.0.300:80": "10.0.0.300",
    "dnat ip to backend:80": "backend",
    "snat to 10.0.0.1-10.0.0.999": "10.0.0.1-10.0.0.999",
    "tproxy ip to 127.0.0.1x:80": "127.0.0.1x",
}
TAKEN = (
    "dnat to [2001:db8::1]:80-90", "dnat to fd00::1", "snat ip to 10.0.0.1:100-200", "dnat to :80",
    "dnat ip to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }", "ct status dnat accept", "redirect to :3128",
    "meta mark set jhash ip saddr . ip daddr mod 16", "update @seen { ip saddr timeout 1m limit rate 5/second }",
    "ip saddr 0x0a000001 accept", "ip saddr @name.of.a.set accept", 'log prefix "ip saddr nowhere" accept',
    'iifname "eth0.100" jump to.example', "ip saddr and 255.0.0.0 == 10.0.0.0", "ip daddr set ip saddr map @m",
)  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED)
def test_what_is_no_address_is_named(rule: str) -> None:
    with pytest.raises(EngineError) as error:
        rule_addresses.check(rule, "rules[0]")
    assert str(error.value).startswith(f"rules[0]: {REFUSED[rule]!r} stands where an")


@pytest.mark.parametrize("rule", TAKEN)
def test_what_stands_there_rightly_is_taken(rule: str) -> None:
    rule_addresses.check(rule, "")


@pytest.mark.parametrize("family", compose.CHAINS)
def test_no_rule_of_the_grammar_is_refused(family: str) -> None:
    for rule in compose.rules(family, 500, SEED):
        rule_addresses.check(rule.text, rule.text)
        rule_addresses.check(rule.other, rule.other)


@pytest.mark.parametrize("what", TABLES)
def test_no_rule_of_others_is_refused(what: str) -> None:
    for line in TABLES[what].text.splitlines():
        rule_addresses.check(line.strip(), line)
