# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only some versions of nft get wrong: done in a way that works, or refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab


def test_a_new_map_of_intervals_sends_packets_to_a_new_chain(lab: Lab) -> None:
    """1.0.6 sends such elements together with their map, so the chain has to come first."""
    verdicts = {"name": "m", "type": "ipv4_addr : verdict", "flags": ["interval"], "elements": ["10.0.0.0/8 : jump c"]}
    lab.predicted({"name": "t", "maps": [verdicts], "chains": [{"name": "c", "rules": ["accept"]}]})
    assert [element.canon for element in lab.elements("m")] == ["10.0.0.0/8 : jump c"]


@pytest.mark.parametrize(
    ("kind", "element", "last"),
    [
        ("ipv4_addr : verdict", "10.0.0.{} : drop", "255.255.255.255 : accept"),
        ("ipv4_addr : ipv4_addr", "10.0.0.{} : 192.0.2.1", "255.255.255.255 : 192.0.2.2"),
        ("inet_service : verdict", "{} : drop", "65535 : accept"),
        ("ipv6_addr : verdict", "2001:db8::{} : drop", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff : accept"),
    ],
)
def test_the_last_value_of_a_map_of_intervals_can_go(lab: Lab, kind: str, element: str, last: str) -> None:
    """1.0.6 and 1.1.3 report success for deleting it and keep it."""
    others = [element.format(number) for number in range(10, 50)]

    def table(*elements: str) -> dict[str, Any]:
        return {"name": "t", "maps": [{"name": "m", "type": kind, "flags": ["interval"], "elements": list(elements)}]}

    lab.predicted(table(*others, last))
    lab.predicted(table(*others))
    assert last.partition(" : ")[0] not in lab.listing()
    assert len(lab.elements("m")) == len(others)


@pytest.mark.parametrize("flags", [[], ["interval"]])
@pytest.mark.parametrize("more", [{}, {"counter": True}])
def test_a_catch_all_element_comes_and_stays(lab: Lab, flags: list[str], more: dict[str, Any]) -> None:
    """1.0.6 crashes when one with a comment or a count is added to a set of intervals that is there."""
    declared = {"name": "s", "type": "ipv4_addr", "flags": flags, **more}
    star = {"value": "*", "comment": "the rest"}
    states = [
        {"name": "t", "sets": [{**declared, "elements": elements}]} for elements in (["10.0.0.1"], ["10.0.0.1", star])
    ]
    if lab.version < (1, 0):
        with pytest.raises(EngineError) as error:
            lab.run(states[1])
        assert error.value.reason == "rejected_by_nft"
        return
    lab.predicted(states[0])
    lab.predicted(states[1])
    assert 'comment "the rest"' in lab.listing()
    lab.predicted(states[0])
    lab.predicted({"name": "t", "state": "absent"})
    lab.predicted(states[1])


@pytest.mark.parametrize("key", ["ct zone", "meta length", "meta cpu . ip daddr"])
def test_numbers_in_the_machines_byte_order(lab: Lab, key: str) -> None:
    """0.9.8 writes such elements with their bytes reversed and lists them so."""
    element = "1 . 10.0.0.1" if " . " in key else "1"
    table = {"name": "t", "sets": [{"name": "s", "typeof": key, "elements": [element]}]}
    if lab.version < (1, 0):
        for check in (True, False):
            with pytest.raises(EngineError, match=r"in the wrong byte order") as error:
                lab.run(table, check=check)
            assert (error.value.reason, error.value.where) == ("bad_spec", "tables[0].sets[0]")
        assert lab.listing() == ""
    else:
        lab.predicted(table)


def test_a_crash_while_a_rule_is_inserted_is_named_and_changes_nothing(lab: Lab) -> None:
    def table(*rules: str) -> dict[str, Any]:
        rest = ("meta mark set ip6 flowlabel map { 3 : 9, 20 : 10 }", "counter")
        return {"name": "t", "family": "ip6", "chains": [{"name": "c", "rules": [*rules, *rest]}]}

    lab.run(table())
    before = lab.listing()
    if lab.version < (1, 1):
        with pytest.raises(
            EngineError, match=r"Signal SIGSEGV ended nft while .* up to 1\.0\.6.*Nothing was changed"
        ) as error:
            lab.run(table("tcp dport 22 accept"))
        assert error.value.reason == "nft_crashed"
        assert lab.listing() == before
    else:
        lab.predicted(table("tcp dport 22 accept"))


# family -> (rules that 0.9.8 lists as others, rules that say the same and are listed as they are)
LOST: dict[str, tuple[list[str], list[str]]] = {
    "inet": (
        ["meta protocol ip udp dport 67 accept", "meta protocol ip6 meta l4proto tcp drop"],
        ["meta nfproto ipv4 udp dport 67 accept", "meta protocol ip udp dport 67 ip saddr 10.0.0.1"],
    ),
    "ip": (["meta protocol ip6 udp dport 67"], ["meta protocol ip udp dport 67"]),
    "bridge": (
        ["meta protocol ip udp dport 67", "meta protocol ip6 tcp flags syn"],
        [
            "ether type ip udp dport 67",
            "meta protocol ip icmp type echo-request",
            "meta protocol { ip, ip6 } udp dport 67",
        ],
    ),
    "netdev": (
        [
            "meta protocol ip udp dport 67",
            "reject with icmp type host-unreachable",
            "meta protocol ip6 reject with icmpv6 type no-route",
        ],
        ["ether type ip udp dport 67", "meta protocol ip reject"],
    ),
}


@pytest.mark.parametrize("family", LOST)
def test_a_rule_that_is_listed_as_another_is_refused(lab: Lab, family: str) -> None:
    """0.9.8 leaves `meta protocol` out before a transport protocol: the rule for both families would look the same."""
    hook = {"type": "filter", "hook": "input", "priority": 0}
    if family == "netdev":
        hook = {"type": "filter", "hook": "ingress", "priority": 0, "devices": ["lo"]}
    lost, kept = LOST[family]
    lab.predicted({"family": family, "name": "t", "chains": [{"name": "c", **hook, "rules": kept}]})
    for rule in lost:
        desired = {"family": family, "name": "t", "chains": [{"name": "c", **hook, "rules": ["counter", rule]}]}
        if lab.version >= (1, 0):
            lab.predicted(desired)
            continue
        with pytest.raises(EngineError, match=r"would go unnoticed\. Fix: write `") as error:
            lab.run(desired)
        assert (error.value.reason, error.value.where) == ("bad_spec", "tables[0].chains[0].rules[1]")


def test_a_rejection_whose_listing_0_9_8_cannot_read_is_refused(lab: Lab) -> None:
    chain = {"name": "c", "type": "filter", "hook": "ingress", "priority": 0, "devices": ["lo"]}
    desired = {"family": "netdev", "name": "t", "chains": [{**chain, "rules": ["reject with icmpx type no-route"]}]}
    if lab.version >= (1, 0):
        lab.predicted(desired)
        return
    with pytest.raises(EngineError, match=r"nft 0\.9\.8 cannot read its own listing of this rule"):
        lab.run(desired)
