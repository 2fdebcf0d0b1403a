# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in the table: sets that no run touches, rules that bound them, and what is told to who fills them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

RESOLVER: dict[str, Any] = {"egress_names": "resolver", "egress_dns_servers": ["10.0.0.53", "fd12:3456:789a::53"]}
PAY = entry(name="pay", to=["api.pay.example", ".pay.example", "203.0.113.0/24"])
INSIDE = entry(name="inside", to=["db.corp.example"], within=["10.0.0.0/8"], keep="ttl")


def compiled(**changes: Any) -> dict[str, Any]:
    return compile_table(build(**{**RESOLVER, **changes}))


def rules(spec: dict[str, Any]) -> list[str]:
    (chain,) = (chain for chain in spec["chains"] if chain["name"] == "egress_allow")
    return [str(rule) for rule in chain["rules"] if "@names_" in str(rule)]


def named_sets(spec: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in spec["sets"] if each["name"].startswith(("names_", "internet"))}


def test_a_set_for_each_family_has_no_elements_and_a_bound() -> None:
    sets = named_sets(compiled(egress_allow_app=[PAY, INSIDE]))
    assert sets["names_pay4"] == {
        "name": "names_pay4",
        "typeof": "ip daddr",
        "flags": ["dynamic", "timeout"],
        "size": table_names.NAMES_SIZE,
    }
    assert sets["names_inside.within4"]["elements"] == ["10.0.0.0/8"]
    assert sorted(sets) == [
        *("internet4", "internet6", "names_inside.within4", "names_inside4", "names_inside6", "names_pay4"),
        "names_pay6",
    ]


def test_a_rule_looks_into_the_set_and_into_its_bound_and_renews() -> None:
    spec = compiled(egress_allow_app=[PAY, INSIDE], egress_names_floor="2h", egress_names_grace=60)
    assert [rule.removesuffix('"').replace(' counter accept comment "', " → ") for rule in rules(spec)] == [
        "tcp dport 443 ip daddr @names_inside4 ip daddr @names_inside.within4 → inside",
        "tcp dport 443 ip daddr @names_pay4 ip daddr @internet4 update @names_pay4 { ip daddr timeout 7260s } → pay",
        "tcp dport 443 ip6 daddr @names_pay6 ip6 daddr @internet6 update @names_pay6 { ip6 daddr timeout 7260s } → pay",
    ]


def test_keep_is_another_rule_and_no_new_set() -> None:
    used, ttl = (compiled(egress_allow_app=[PAY], egress_names_keep=keep) for keep in ("used", "ttl"))
    assert named_sets(used) == named_sets(ttl)
    assert [" update " in rule for rule in rules(used)] == [True, True]
    assert [" update " in rule for rule in rules(ttl)] == [False, False]


@pytest.mark.parametrize(
    ("changes", "entry_changes"),
    [({}, {"approximate": "narrower"}), ({"egress_approximate": {"nftables": "narrower"}}, {})],
)
def test_where_nobody_fills_sets_a_narrower_entry_opens_its_addresses(
    changes: dict[str, Any], entry_changes: dict[str, Any]
) -> None:
    spec = compiled(egress_names="none", egress_allow_app=[{**PAY, **entry_changes}], **changes)
    assert not named_sets(spec)
    assert rules(spec) == []
    assert "allow_pay4" in {each["name"] for each in spec["sets"]}


def test_narrower_leaves_nothing_out_where_names_are_opened() -> None:
    assert rules(compiled(egress_allow_app=[{**PAY, "approximate": "narrower"}]))


def test_wider_is_no_way_to_open_names() -> None:
    with pytest.raises(policy.PolicyErrors, match="nobody opens names on this host"):
        compiled(egress_names="none", egress_allow_app=[{**PAY, "approximate": "wider"}])


def test_who_fills_the_sets_is_told_what_is_in_them_and_what_never_is() -> None:
    document = names.document(
        build(
            egress_allow_app=[PAY, INSIDE],
            egress_dns_inside={".corp.example": ["10.1.0.0/16"]},
            egress_dns_allow=["pool.ntp.org"],
            egress_dns_names="only",
            egress_never=[{"to": ["9.9.9.0/24"]}, {"to": ["8.8.8.8"], "services": ["smtp"]}],
            **RESOLVER,
        )
    )
    assert document is not None
    refused = addresses.union(map(addresses.parse, document.pop("refuse")))
    assert document == {
        "version": 1,
        "mode": "resolver",
        "table": ["inet", "tidegate"],
        "servers": ["10.0.0.53", "fd12:3456:789a::53"],
        "floor": 3600,
        "grace": 120,
        "dns_names": "only",
        "allow": [".corp.example", "db.corp.example", "pool.ntp.org"],
        "inside": {".corp.example": ["10.1.0.0/16"], "db.corp.example": ["10.0.0.0/8"]},
        "sets": [
            {
                "entry": "inside",
                "names": ["db.corp.example"],
                "set4": "names_inside4",
                "set6": "names_inside6",
                "within": ["10.0.0.0/8"],
                "keep": "ttl",
            },
            {
                "entry": "pay",
                "names": [".pay.example", "api.pay.example"],
                "set4": "names_pay4",
                "set6": "names_pay6",
                "within": None,
                "keep": "used",
            },
        ],
    }
    inside = ["10.1.1.1", "64:ff9b::a01:101", "2002:a01:101::1", "fd12:3456:789a::1"]
    special = ["169.254.169.254", "168.63.129.16", "100.100.100.200", "127.0.0.1", "224.0.0.1", "fe80::1", "::1"]
    for text in [*inside, *special, "9.9.9.9"]:
        assert addresses.parse(text) <= refused, text
    assert any(ip_address("::ffff:10.1.1.1") in ip_network(network) for network in refused.cidrs())
    # What egress_never closes for some services or some users is an answer all the same.
    for text in ["1.1.1.1", "8.8.8.8", "2606:4700::1111"]:
        assert not addresses.parse(text) & refused, text


@pytest.mark.parametrize("changes", [{"egress_names": "none"}, {"egress_mode": "absent"}])
def test_there_is_no_document_for_a_host_without(changes: dict[str, Any]) -> None:
    assert names.document(build(**{**RESOLVER, **changes})) is None


def test_servers_that_only_the_host_knows_are_a_word() -> None:
    document = names.document(build(egress_names="periodic", egress_dns_servers=["auto", "10.0.0.53"]))
    assert document is not None
    assert document["servers"] == ["10.0.0.53", "auto"]
