# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All families, all hooks, and the rarer things that nft text can say."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import roundtrip_check
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from .conftest import Lab
from .test_declarations import TABLE, send

# family -> chains; each is made, edited and removed
FAMILIES: dict[str, list[dict[str, Any]]] = {
    "ip": [
        {"type": "filter", "hook": "prerouting", "priority": "raw", "rules": ["udp dport 53 notrack"]},
        {"type": "nat", "hook": "postrouting", "priority": "srcnat", "rules": ["oifname wan masquerade"]},
        {"type": "nat", "hook": "prerouting", "priority": "dstnat", "rules": ["tcp dport 80 dnat to 10.0.0.1:8080"]},
        {"type": "route", "hook": "output", "priority": "mangle", "rules": ["meta mark set 5"]},
    ],
    "ip6": [
        {"type": "filter", "hook": "forward", "priority": "security", "rules": ["icmpv6 type nd-router-advert drop"]},
        {"type": "nat", "hook": "output", "priority": "-100", "rules": ["tcp dport 80 redirect to :8080"]},
    ],
    "inet": [
        {
            "type": "filter",
            "hook": "ingress",
            "priority": "filter",
            "devices": ["lo"],
            "rules": ["ip saddr 10.0.0.0/8 drop"],
        },
        {"type": "nat", "hook": "postrouting", "priority": "srcnat + 5", "rules": ["ip saddr 10.0.0.0/8 masquerade"]},
        {"type": "filter", "hook": "input", "priority": "filter", "rules": ["meta nfproto ipv6 drop"]},
    ],
    "arp": [
        {"type": "filter", "hook": "input", "priority": "filter", "rules": ["arp operation request counter accept"]}
    ],
    "bridge": [
        {
            "type": "filter",
            "hook": "forward",
            "priority": "filter",
            "rules": ["ether type arp accept", "vlan id 5 drop"],
        },
        {"type": "filter", "hook": "output", "priority": "out", "rules": ["ether daddr aa:bb:cc:dd:ee:ff drop"]},
    ],
    "netdev": [
        {"type": "filter", "hook": "ingress", "priority": "filter", "devices": ["lo"], "rules": ["ip ttl 1 drop"]},
        {
            "type": "filter",
            "hook": "ingress",
            "priority": "5",
            "devices": ["tg1", "lo"],
            "rules": ["ether type ip6 drop"],
        },
    ],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_family(lab: Lab, family: str) -> None:
    subprocess.run(["ip", "link", "add", "tg1", "type", "veth", "peer", "name", "tg2"], check=True)
    chains = [{"name": f"chain_{number}", **chain} for number, chain in enumerate(FAMILIES[family])]
    table = {"family": family, "name": "t", "chains": chains}
    lab.predicted(table)
    edited = [{**chain, "policy": "drop", "rules": ["counter", *chain["rules"]]} for chain in chains]
    lab.predicted({**table, "chains": [chain for chain in edited if chain["type"] == "filter"]})
    lab.predicted({**table, "chains": [{**chain, "priority": "7"} for chain in chains if chain["type"] == "filter"]})
    lab.predicted({"family": family, "name": "t", "state": "absent"})
    assert lab.listing() == ""


def test_egress_hook(lab: Lab) -> None:
    chain = {
        "name": "c",
        "type": "filter",
        "hook": "egress",
        "priority": "filter",
        "devices": ["lo"],
        "rules": ["drop"],
    }
    table = {"family": "netdev", "name": "t", "chains": [chain]}
    if lab.version < (1, 0):
        with pytest.raises(EngineError, match=r"nft rejects .add chain netdev t c") as error:
            lab.run(table)
        assert error.value.where == "tables[0].chains[0]"
    else:
        lab.predicted(table)


def test_other_devices(lab: Lab) -> None:
    subprocess.run(["ip", "link", "add", "tg1", "type", "veth", "peer", "name", "tg2"], check=True)
    chain = {"name": "c", "type": "filter", "hook": "ingress", "priority": 0, "rules": ["tcp dport 1 counter drop"]}
    lab.predicted({"family": "netdev", "name": "t", "chains": [{**chain, "devices": ["lo"]}]})
    lab.predicted({"family": "netdev", "name": "t", "chains": [{**chain, "devices": ["tg1", "lo"]}]})
    lab.settled({"family": "netdev", "name": "t", "chains": [{**chain, "devices": ["lo", "tg1"]}]})


def test_same_name_in_two_families(lab: Lab) -> None:
    tables = [
        {"family": family, "name": "t", "chains": [{"name": "c", "rules": ["accept"]}]} for family in ("ip", "ip6")
    ]
    lab.predicted(*tables)
    lab.predicted(tables[0], {**tables[1], "chains": [{"name": "c", "rules": ["drop"]}]})
    assert lab.rules("c", "ip")[0].canon == "accept"


def test_several_tables_in_one_transaction(lab: Lab) -> None:
    first = {"name": "one", "chains": [{"name": "c", "rules": ["accept"]}]}
    two = {"family": "ip", "name": "two", "chains": [{"name": "c", "rules": ["accept"]}]}
    lab.predicted(first, two)
    bad = {**two, "chains": [{"name": "c", "rules": ["tcp dport 0-70000 accept"]}]}
    with pytest.raises(EngineError) as error:
        lab.run({**first, "chains": []}, bad)
    assert error.value.where == "tables[1].chains[0].rules[0]"
    lab.settled(first, two)


def test_meter(lab: Lab) -> None:
    """Up to 1.0.6 a part of its rule, in 1.1 a set that the rule makes."""

    def table(*rules: str) -> dict[str, Any]:
        return {"name": "t", "chains": [{"name": "c", "rules": list(rules)}]}

    lab.predicted(table("meter many { ip saddr limit rate over 5/second } drop", "accept"))
    lab.predicted(table("accept", "meter many { ip saddr limit rate over 5/second } drop"))
    lab.predicted(table("meter many { ip saddr limit rate over 9/second } drop"))
    lab.predicted(table("accept"))
    assert lab.table().sets == ()


def test_implicit_chain_of_others_is_carried(lab: Lab) -> None:
    lab.load(
        "table inet t {\nchain c {\n"
        "tcp dport 22 jump {\nip saddr 10.0.0.0/8 counter packets 3 bytes 30 accept\ndrop\n}\n}\n}"
    )
    before = lab.rules("c")
    lab.single_predicted("chain", name="c", type="filter", hook="input", priority="0")
    assert [rule.text for rule in lab.rules("c")] == [rule.text for rule in before]


def test_dynamic_set_with_limits_is_carried(lab: Lab) -> None:
    """0.9.8 crashes when it is given back such an element; then it is left to traffic to make it again."""

    def table(comment: str) -> dict[str, Any]:
        named = {"name": "s", "type": "ipv4_addr", "flags": ["dynamic"], "size": 100, "comment": comment}
        rules = ["add @s { ip daddr limit rate 5/second } accept", "counter"]
        chain = {"name": "c", "type": "filter", "hook": "output", "priority": 0, "rules": rules}
        return {"name": "t", "sets": [named], "chains": [chain]}

    lab.predicted(table("one"))
    send(2)
    assert lab.table().sets[0].elements
    lab.predicted(table("two"))
    assert bool(lab.table().sets[0].elements) == (lab.version >= (1, 0))


def test_rule_of_others_that_nft_cannot_read_back(lab: Lab) -> None:
    """Found out before anything is changed."""
    lab.load("table inet t {\nchain c {\ntcp dport 22 accept\n}\n}")
    table = lab.table()
    state = RunDirectory(str(lab.run_dir))
    roundtrip_check.check_borrowed(lab.nft, table, [("c", "tcp dport 22 accept", "tcp dport 22 accept")], state)
    with pytest.raises(EngineError, match=r"nft reads its own listing of it as .tcp dport 22 accept"):
        roundtrip_check.check_borrowed(lab.nft, table, [("c", "tcp dport 23 accept", "tcp dport 22 accept")], state)
    with pytest.raises(EngineError, match=r"have to be created anew\. nft rejects .nonsense."):
        roundtrip_check.check_borrowed(lab.nft, table, [("c", "x", "nonsense")], state)
    assert "_tidegate" not in lab.listing("tables")


def test_users_are_looked_up_here(lab: Lab) -> None:
    def table(users: list[Any], missing: str = "skip") -> dict[str, Any]:
        rule = {"rule": "ip daddr 10.0.0.1 accept", "users": users, "missing_users": missing}
        return {"name": "t", "chains": [{"name": "c", "rules": ["ct state new counter", rule, "drop"]}]}

    def rules() -> list[str]:
        return [rule.canon for rule in lab.rules("c")][1:-1]

    result = lab.predicted(table(["root", "no-such-user", "4242", 17]))
    assert result.missing_users == ("no-such-user",)
    assert rules() == ["meta skuid { 0, 17, 4242 } ip daddr 10.0.0.1 accept"]
    assert lab.run(table(["root", "no-such-user", "4242", 17])).missing_users == ("no-such-user",)
    lab.predicted(table(["0"]))
    assert rules() == ["meta skuid 0 ip daddr 10.0.0.1 accept"]
    # Nobody is there: the rule allows nothing, and is not one without users.
    result = lab.predicted(table(["no-such-user", "neither-this"]))
    assert result.missing_users == ("neither-this", "no-such-user")
    assert rules() == []
    with pytest.raises(EngineError, match="There is no user 'no-such-user' on this host") as error:
        lab.run(table(["root", "no-such-user"], "error"))
    assert (error.value.reason, error.value.where) == ("bad_spec", "tables[0].chains[0].rules[1]")
    assert rules() == []


def test_facts_of_a_table(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_info, "Nft", lambda: lab.nft)
    lab.run(TABLE)
    send(3)
    facts = table_info.gather(None, "t", elements=True)
    table = facts["table"]
    assert facts["nft_version"] == lab.nft.version()
    assert (table["family"], table["name"], table["comment"]) == ("inet", "t", "before")
    assert table["counters"][0]["name"] == "hits"
    assert table["counters"][0]["packets"] >= 3
    assert table["quotas"][0]["quota"] == "over 10 mbytes"
    assert table["limits"][0]["limit"].startswith("rate 100/second")
    allowed = next(nft_set for nft_set in table["sets"] if nft_set["name"] == "allowed")
    assert (allowed["type"], allowed["flags"], allowed["elements"]) == (
        "ipv4_addr",
        ["interval"],
        ["10.0.0.0/8", "127.0.0.0/8"],
    )
    dynamic_set = next(nft_set for nft_set in table["sets"] if nft_set["name"] == "seen")
    assert (dynamic_set["typeof"], dynamic_set["size"], dynamic_set["timeout"], dynamic_set["counter"]) == (
        "ip daddr",
        1000,
        "1d",
        True,
    )
    assert sorted(table["maps"][0]["elements"]) == ["10 : accept", "9 : jump counted"]
    sent = next(nft_set for nft_set in table["chains"] if nft_set["name"] == "sent")
    assert (sent["type"], sent["hook"], sent["priority"], sent["policy"]) == ("filter", "output", 0, "accept")
    first = sent["rules"][0]
    assert (first["rule"], first["comment"]) == ("counter", None)
    assert first["packets"] >= 3
    assert first["handle"] > 0
    assert sent["rules"][2]["comment"] == "allowed"
    assert "elements" not in table_info.gather("inet", "t", elements=False)["table"]["sets"][0]
    assert table_info.gather("inet", "nothing", elements=True)["table"] is None
